"""Renderings of a point cloud, fast enough to be made in every training step."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_DEPTH_LEVELS = 65536
_FILL = 0.92  # of an image's side, what the longer side of the shape takes
_LIGHT = (0.29, 0.57, 0.77)  # where it comes from: right, above, behind the viewer
_AMBIENT = 0.45
_CHUNK = 4  # clouds at a time: what is in between stays in the cache


@torch.no_grad()
def render_points(xyz: Tensor, colours: Tensor, cameras: Tensor, size: int) -> Tensor:
    """Draw points as squares of 3 x 3 pixels, the nearest in front, on white.

    Orthographic, each image filled by its shape. Slopes of the depth shade it, so that a cloud of
    one colour shows its form too. No gradient.

    Args:
        xyz: Points ``(B, N, 3)``.
        colours: RGB in [0, 1], ``(B, N, 3)``.
        cameras: ``(V, 3, 3)``; the rows of each are unit vectors to the right of the image, to
            its top and towards the viewer.
        size: Pixels per side.

    Returns:
        RGB in [0, 1], ``(B, V, 3, size, size)`` float32.
    """
    parts = zip(xyz.split(_CHUNK), colours.split(_CHUNK))
    return torch.cat([_render(*part, cameras, size) for part in parts])


def _render(xyz: Tensor, colours: Tensor, cameras: Tensor, size: int) -> Tensor:
    batch, count = xyz.shape[:2]
    place = torch.einsum('vij,bnj->bvni', cameras.float(), xyz.float())
    low, high = place.amin(2, keepdim=True), place.amax(2, keepdim=True)
    extent = (high - low).clamp(min=1e-6)
    flat = (place - (low + high) / 2)[..., :2] * (_FILL * size / extent[..., :2].amax(-1, True))
    column, row = (flat + size / 2).floor().long().clamp(0, size - 1).unbind(-1)
    depth = ((place - low) / extent)[..., 2]
    # One number holds depth and index, so that its maximum names the nearest point. Exact in
    # float64.
    key = (depth * (_DEPTH_LEVELS - 1)).round().double() * count + 1
    key += torch.arange(count, device=xyz.device)
    images = key.new_zeros(batch, len(cameras), size * size)
    images.scatter_reduce_(2, (size - 1 - row) * size + column, key, 'amax')
    images = F.max_pool2d(images.unflatten(2, (size, size)), 3, stride=1, padding=1).flatten(2)
    drawn = images > 0
    nearest = (images - 1).clamp(min=0).long() % count
    own = colours.float().unsqueeze(1).expand(-1, len(cameras), -1, -1)
    colour = own.gather(2, nearest.unsqueeze(-1).expand(-1, -1, -1, 3))
    height = place[..., 2] * (_FILL * size / extent[..., :2].amax(-1))  # in pixels
    height = height.gather(2, nearest).unflatten(2, (size, size))
    shade = _shade(height, drawn.unflatten(2, (size, size))).flatten(2)
    colour = (
        (colour * shade.unsqueeze(-1)).clamp(max=1).where(drawn.unsqueeze(-1), colour.new_ones(()))
    )
    return colour.transpose(2, 3).unflatten(3, (size, size))


def _shade(height: Tensor, drawn: Tensor) -> Tensor:
    """Brightness of a surface from its slopes.

    Args:
        height: In pixels, ``(B, V, size, size)``.
        drawn: Bool, likewise: where there is a surface.
    """
    mean = [F.avg_pool2d(part, 3, stride=1, padding=1) for part in (height * drawn, drawn.float())]
    smooth = (mean[0] / mean[1].clamp(min=1e-6)).where(drawn, height.new_tensor(float('nan')))
    right, up = torch.zeros_like(height), torch.zeros_like(height)
    right[..., 1:-1] = (smooth[..., 2:] - smooth[..., :-2]) / 2
    up[..., 1:-1, :] = (smooth[..., :-2, :] - smooth[..., 2:, :]) / 2
    right, up = (slope.nan_to_num(0.0).clamp(-4, 4) for slope in (right, up))
    towards = torch.rsqrt(1 + right**2 + up**2)
    light = (_LIGHT[2] - _LIGHT[0] * right - _LIGHT[1] * up) * towards
    return _AMBIENT + (1.05 - _AMBIENT) * light.clamp(0, 1)
