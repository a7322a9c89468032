"""Interpolation of a small feature map at single pixels of its image."""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.utils.precision import in_full_precision


@in_full_precision
def sample_pixels(maps: Tensor, pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate feature maps at some pixels.

    The same as enlarging the maps to ``size`` bilinearly with the corners aligned (as the
    image-to-LiDAR methods do) and reading the pixels, without the enlarged maps.

    Args:
        maps: ``(V, C, h, w)``; half precision is read, and given back, in float32, as it has too
            few digits for positions between the cells.
        pixels: Image, row and column, ``(M, 3)``, int64.
        size: Height H and width W of the images.

    Returns:
        ``(M, C)``.
    """
    rows = maps.permute(0, 2, 3, 1).flatten(0, 2)  # (V * h * w, C)
    top, bottom, down = _between(pixels[:, 1], size[0], maps.shape[2], maps.dtype)
    left, right, along = _between(pixels[:, 2], size[1], maps.shape[3], maps.dtype)
    first = pixels[:, 0] * maps.shape[2]
    out = maps.new_zeros(len(pixels), maps.shape[1])
    for row, row_weight in ((top, 1 - down), (bottom, down)):
        for column, weight in ((left, 1 - along), (right, along)):
            cell = (first + row) * maps.shape[3] + column
            out = out + rows[cell] * (row_weight * weight)[:, None]
    return out


def _between(
    pixel: Tensor, pixels: int, cells: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the two cells around a pixel along one axis, and its distance from the first."""
    position = pixel.to(dtype) * ((cells - 1) / max(pixels - 1, 1))
    first = position.floor().clamp(0, cells - 1)
    second = (first + 1).clamp(max=cells - 1)
    return first.long(), second.long(), position - first
