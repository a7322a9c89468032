"""Putting what points know into the masked places of a picture's feature grid."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mrd_plugin.ops.segment_mean import segment_mean


def replace_masked_cells(
    grid: Tensor, masks: Tensor, values: Tensor, pixels: Tensor, stride: int
) -> Tensor:
    """Replace cells that are masked and have points by the mean of these points' rows.

    A cell is masked if more than half of its pixels are. Points count that are seen in a masked
    pixel; the gradient of a replaced cell goes to them.

    Args:
        grid (Tensor): ``(V, D, h, w)``, cells of ``stride x stride`` pixels.
        masks (Tensor): True where a picture is masked, ``(V, H, W)``.
        values (Tensor): Rows of some points, ``(K, D)``.
        pixels (Tensor): Picture, row and column where each is seen, ``(K, 3)``, int64.
        stride (int): Pixels a cell.

    Returns:
        Tensor: ``(V, D, h, w)``.
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
