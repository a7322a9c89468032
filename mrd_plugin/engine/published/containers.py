"""Taking the tensors out of whatever a checkpoint wraps around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mrd_plugin.engine.published.layout import Found

# What a training run keeps beside its weights.
_RUN_STATE = ('optimizer', 'scaler', 'scheduler', 'lr_scheduler', 'param_schedulers', 'message_hub')
_AVERAGED = ('state_dict_ema', 'model_ema', 'ema_state_dict', 'ema_model', 'ema')


def flatten(content: Mapping[Any, Any], prefix: str = '') -> dict[str, Tensor]:
    """All weights of a checkpoint by their full names.

    Args:
        content: e.g. ``{'state_dict': {'module.proj.weight': ...}, 'epoch': 3}``.
        prefix: stands before each name.

    Returns:
        E.g. ``{'state_dict.module.proj.weight': ...}``.
    """
    tensors: dict[str, Tensor] = {}
    for key, value in content.items():
        if isinstance(value, Tensor):
            tensors[f'{prefix}{key}'] = value
        elif isinstance(value, Mapping) and key not in _RUN_STATE:
            tensors.update(flatten(value, f'{prefix}{key}.'))
    return tensors


def choose(networks: list[Found]) -> Found:
    """One of several copies: the trained weights, or their moving average where it stands alone."""
    plain = [found for found in networks if found.prefix.split('.')[0] not in _AVERAGED]
    return (plain or networks)[0]
