"""Values of command-line flags, checked as they are read."""

from __future__ import annotations

from argparse import ArgumentTypeError

import torch

BRACKETS = (('(', ')'), ('[', ']'))


def positive_int(text: str) -> int:
    """Read a count, as the ``type`` of a flag.

    Raises:
        ArgumentTypeError: It is no whole number of 1 or more.
    """
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f'expected a whole number of 1 or more, got {text!r}')
    return number


def device(text: str) -> str:
    """Check the name of a device, as the ``type`` of a flag.

    Raises:
        ArgumentTypeError: There is no such device, or this machine has none that can be used.
    """
    try:
        torch.empty(1, device=text)
    except (RuntimeError, AssertionError):
        raise ArgumentTypeError(
            f'expected cpu, or a GPU that PyTorch can use here such as cuda or cuda:1, got {text!r}'
        ) from None
    return text


def key_value(text: str) -> str:
    """Check an override of a config, as the ``type`` of a flag whose action is ``DictAction``.

    Raises:
        ArgumentTypeError: It has no key or no value, or its brackets don't match.
    """
    key, equals, value = text.partition('=')
    if not (key and equals):
        raise ArgumentTypeError(f'expected KEY=VALUE, got {text!r}')
    if any(value.count(left) != value.count(right) for left, right in BRACKETS):
        raise ArgumentTypeError(f'expected KEY=VALUE with matching brackets, got {text!r}')
    return text
