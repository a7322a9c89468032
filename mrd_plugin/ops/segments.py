"""Means of rows that belong together, and point features in the masked cells of an image's grid."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mrd_plugin.utils.precision import in_full_precision


@in_full_precision
def segment_mean(rows: Tensor, segment: Tensor, num_segments: int) -> tuple[Tensor, Tensor]:
    """Average the rows of each segment.

    Args:
        rows: ``(N, C)``; half precision is averaged, and given back, in float32.
        segment: Segment of each row, ``(N,)``, int64, 0 to ``num_segments - 1``.
        num_segments: Number of segments S.

    Returns:
        Means ``(S, C)``, zeros for empty segments, and numbers of rows ``(S,)``, int64.
    """
    counts = torch.bincount(segment, minlength=num_segments)
    sums = rows.new_zeros(num_segments, rows.shape[1]).index_add(0, segment, rows)
    return sums / counts.clamp(min=1).to(rows.dtype)[:, None], counts


def replace_masked_cells(
    grid: Tensor, masks: Tensor, values: Tensor, pixels: Tensor, stride: int
) -> Tensor:
    """Replace cells that are masked and have points by the mean of these points' rows.

    A cell is masked if more than half of its pixels are. Points count that are seen in a masked
    pixel; the gradient of a replaced cell goes to them.

    Args:
        grid: ``(V, D, h, w)``, cells of ``stride x stride`` pixels.
        masks: True where an image is masked, ``(V, H, W)``.
        values: Rows of some points, ``(K, D)``.
        pixels: Image, row and column where each is seen, ``(K, 3)``, int64.
        stride: Pixels per side of a cell.

    Returns:
        ``(V, D, h, w)``.
    """
    count, dim, height, width = grid.shape
    view, row, column = pixels.unbind(1)
    hidden = masks[view, row, column]
    cell = (view * height + row // stride) * width + column // stride
    means, counts = segment_mean(values[hidden], cell[hidden], count * height * width)
    share = F.avg_pool2d(masks[:, None].to(grid.dtype), stride, ceil_mode=True)
    replaced = (share > 0.5) & (counts > 0).view(count, 1, height, width)
    means = means.view(count, height, width, dim).permute(0, 3, 1, 2)
    return means.where(replaced, grid)
