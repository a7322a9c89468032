"""Losses and pooling in full precision under autocast."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec('P')
R = TypeVar('R')


def in_full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function: autocast is off in it, half-precision tensors enter as float32.

    Sums over 65,520 terms leave float16, and logits near 12 move in steps of 0.06 in bfloat16.
    Tensors of other dtypes pass as they are: what is computed without autocast stays bit for bit
    the same.

    Args:
        function: Takes at least one tensor.

    Returns:
        The same, in float32 or float64.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        device = next(v.device for v in (*args, *kwargs.values()) if isinstance(v, Tensor))
        with torch.autocast(device.type, enabled=False):
            raised = {key: _raised(value) for key, value in kwargs.items()}
            return function(*map(_raised, args), **raised)  # type: ignore[arg-type]

    return wrapped


def _raised(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16):
        return value.float()
    return value
