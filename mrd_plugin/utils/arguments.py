"""Command lines: their form, flags that several have, and values checked as they are read."""

from __future__ import annotations

from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    RawDescriptionHelpFormatter,
    _ActionsContainer,
)
from collections.abc import Sequence

import torch
from mmengine.config import DictAction

BRACKETS = (('(', ')'), ('[', ']'))


def command_line(description: str | None, examples: str | None = None) -> ArgumentParser:
    """Start a command line; ``--help`` begins and ends with these texts, line by line."""
    return ArgumentParser(
        description=description, epilog=examples, formatter_class=RawDescriptionHelpFormatter
    )


def add_config_options(parser: ArgumentParser) -> None:
    """Add ``--cfg-options``, a dict of what overrides the config, or None."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        type=key_value,
        action=DictAction,
        metavar='KEY=VALUE',
        help='settings that override the config, e.g. train_dataloader.batch_size=32 '
        'randomness.seed=1',
    )


def add_training_flags(parser: _ActionsContainer, seeds: Sequence[int] = (0,)) -> None:
    """Add what tells how often and how many at a time other programs train."""
    parser.add_argument(
        '--seeds',
        type=int,
        nargs='+',
        default=list(seeds),
        help=f'of the trainings (default {" ".join(map(str, seeds))})',
    )
    parser.add_argument(
        '--jobs', type=positive_int, default=2, help='trainings at a time (default 2)'
    )
    parser.add_argument(
        '--threads', type=positive_int, default=1, help='threads per training (default 1)'
    )


def add_overrides(parser: _ActionsContainer, flag: str, help: str) -> None:
    """Add a flag whose value is a list of ``KEY=VALUE``, which other programs are given."""
    parser.add_argument(flag, nargs='+', type=key_value, default=[], metavar='KEY=VALUE', help=help)


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
