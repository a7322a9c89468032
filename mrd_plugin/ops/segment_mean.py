"""Means of rows that belong together."""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.utils.precision import in_full_precision


@in_full_precision
def segment_mean(rows: Tensor, segment: Tensor, num_segments: int) -> tuple[Tensor, Tensor]:
    """Average the rows of each segment.

    Args:
        rows (Tensor): ``(N, C)``; half precision is averaged, and given back, in float32.
        segment (Tensor): Segment of each row, ``(N,)``, int64, 0 to ``num_segments - 1``.
        num_segments (int): Number of segments S.

    Returns:
        tuple[Tensor, Tensor]: Means ``(S, C)``, zeros for empty segments, and numbers of rows
        ``(S,)``, int64.
    """
    counts = torch.bincount(segment, minlength=num_segments)
    sums = rows.new_zeros(num_segments, rows.shape[1]).index_add(0, segment, rows)
    return sums / counts.clamp(min=1).to(rows.dtype)[:, None], counts
