"""Chamfer distance between point sets (Fan et al. 2017, arXiv 1612.00603, section 3.2)."""

from __future__ import annotations

from torch import Tensor


def chamfer_distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean squared distance to the nearest point of the other set, both ways, added.

    Args:
        one (Tensor): ``(..., N, 3)``.
        other (Tensor): ``(..., M, 3)``.

    Returns:
        Tensor: ``(...)``, in squared units of the points.
    """
    squared = (one.unsqueeze(-2) - other.unsqueeze(-3)).square().sum(-1)  # (..., N, M)
    return squared.amin(-1).mean(-1) + squared.amin(-2).mean(-1)
