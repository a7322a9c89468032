"""Parts of a data set that never are empty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from mrd_plugin.utils.errors import ConfigError

Item = TypeVar('Item')


def evenly(items: Sequence[Item], fraction: float, last: bool = False) -> list[Item]:
    """Every k-th of some items, k = 1 / fraction.

    Args:
        items: What to choose from, in a fixed order.
        fraction: Part to keep, in (0, 1].
        last: Whether the last of every k is kept, as the label fractions of nuScenes are counted, or
            the first, as those of SemanticKITTI are (Sautier et al. 2022, arXiv 2203.16258).

    Returns:
        At least one of them if there are any, in their order.

    Raises:
        ConfigError: If the fraction is out of range.
    """
    if not 0 < fraction <= 1:
        raise ConfigError(
            f'fraction={fraction}: it would keep nothing or more than there is; expected a number in '
            '(0, 1].'
        )
    block = 1 / fraction
    ends = (round(i * block, 6) for i in range(len(items) + 1))
    kept = [math.ceil(end) - 1 if last else math.floor(end) for end in ends]
    chosen = [items[i] for i in kept if 0 <= i < len(items)]
    return chosen or list(items[-1:])
