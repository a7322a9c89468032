"""Superpixel pooling against a sparse one-hot matrix, forward and backward."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.harness import Benchmark, Comparison
from mrd_plugin.ops import superpixel_pool, unit_pixel_pool


def plain_superpixel_pool(features: Tensor, labels: Tensor, num_segments: int) -> Tensor:
    """Multiply by a sparse one-hot matrix, as SLidR does: means ``(V * S, C)``."""
    views = torch.arange(len(labels), device=labels.device)[:, None, None]
    rows = (labels + views * num_segments).flatten()
    pixels = torch.arange(rows.numel(), device=rows.device)
    one_hot = torch.sparse_coo_tensor(
        torch.stack([rows, pixels]),
        features.new_ones(rows.numel()),
        (len(labels) * num_segments, rows.numel()),
        check_invariants=False,
    )
    sums = one_hot @ features.permute(0, 2, 3, 1).flatten(0, 2)
    return sums / (torch.sparse.sum(one_hot, 1).to_dense()[:, None] + 1e-6)


def plain_unit_pixel_pool(maps: Tensor, labels: Tensor, num_segments: int) -> Tensor:
    """Enlarge, normalise, then :func:`plain_superpixel_pool`."""
    size = (labels.shape[1], labels.shape[2])
    pixels = F.interpolate(maps, size, mode='bilinear', align_corners=True)
    return plain_superpixel_pool(F.normalize(pixels, dim=1), labels, num_segments)


def block_labels(views: int, size: tuple[int, int], num_segments: int) -> Tensor:
    """Make label maps ``(V, H, W)`` of jagged cells.

    A row of 416 pixels changes its label about 29 times; SLIC's on a nuScenes keyframe do 26 times.
    """
    generator = torch.Generator().manual_seed(0)
    across = round((num_segments * size[1] / size[0]) ** 0.5)
    down = num_segments // across
    jitter = torch.randint(-2, 3, (views, *size), generator=generator)
    row = torch.arange(size[0])[:, None] * down // size[0]
    column = (torch.arange(size[1]) + jitter).clamp(0, size[1] - 1) * across // size[1]
    return row * across + column


def build(
    scenes: int,
    cameras: int,
    segments: int,
    channels: int,
    height: int,
    width: int,
    stride: int,
    device: str,
) -> Comparison:
    """Make both sides on random maps and jagged segments.

    With a stride of 1 the features have the size of the image and are pooled as they are. The
    reference goes scene by scene: at once it would need some 20 GB.
    """
    views = scenes * cameras
    generator = torch.Generator().manual_seed(0)
    shape = (views, channels, height // stride, width // stride)
    maps = torch.randn(shape, generator=generator).to(device).requires_grad_()
    labels = block_labels(views, (height, width), segments).to(device)
    grad = torch.randn(views * segments, channels, generator=generator).to(device)
    pool, plain = (
        (superpixel_pool, plain_superpixel_pool)
        if stride == 1
        else (unit_pixel_pool, plain_unit_pixel_pool)
    )

    def ours() -> tuple[Tensor, ...]:
        means = pool(maps, labels, segments)[0]
        return (means.detach(), *torch.autograd.grad(means, maps, grad))

    def reference() -> tuple[Tensor, ...]:
        parts = []
        for scene in range(scenes):
            own = slice(scene * cameras, (scene + 1) * cameras)
            rows = slice(own.start * segments, own.stop * segments)
            given = maps[own].detach().requires_grad_()
            means = plain(given, labels[own], segments)
            parts.append((means.detach(), *torch.autograd.grad(means, given, grad[rows])))
        return tuple(torch.cat(part) for part in zip(*parts))

    sizes = dict(channels=channels, height=height, width=width, stride=stride)
    return Comparison(
        ours, reference, dict(scenes=scenes, cameras=cameras, segments=segments, **sizes)
    )


_SIZES = dict(scenes=16, cameras=6, segments=150, channels=64, height=224, width=416)
_SMALL = dict(scenes=1, cameras=2, segments=6, channels=4, height=16, width=24)

BENCHMARK = Benchmark(
    "from the image head's map to superpixel means, against a sparse one-hot product",
    build,
    dict(**_SIZES, stride=4),
    _SMALL,
    3,
)
