"""How many distances are held at once."""

from __future__ import annotations

from torch import Tensor

_PAIRS = 2**25  # float32 distances of 128 MB


def queries_at_once(xyz: Tensor) -> int:
    """Queries whose distances to all points of ``xyz (B, N, 3)`` fit the budget; at least one."""
    return max(1, _PAIRS // max(1, xyz.shape[0] * xyz.shape[1]))
