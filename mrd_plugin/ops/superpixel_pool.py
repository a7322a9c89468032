"""Means of feature maps over the superpixels of an image."""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mrd_plugin.ops._kernels import run_batch
from mrd_plugin.utils.precision import in_full_precision


@in_full_precision
def superpixel_pool(features: Tensor, labels: Tensor, num_segments: int) -> tuple[Tensor, Tensor]:
    """Average each image's features over each of its segments; differentiable once.

    Neither a copy of the features with channels last nor a one-hot matrix is made: on a CPU each
    row of pixels is summed run by run, a run being neighbours with the same label; on CUDA the
    labels are a scattering index that all channels share.

    Args:
        features: ``(V, C, H, W)``; half precision is averaged, and given back, in float32.
        labels: Segment of each pixel, ``(V, H, W)``, integer; below 0 for none.
        num_segments: Segments per image S; every label lies below.

    Returns:
        Means ``(V * S, C)``, zeros for segments without a pixel, and numbers of pixels ``(V *
        S,)``, int64. Segment s of image v has the row ``v * S + s``.

    Raises:
        ValueError: If sizes differ or a label is too large.
    """
    if features.ndim != 4 or labels.shape != features[:, 0].shape:
        raise ValueError(
            'labels must have the shape (V, H, W) of features (V, C, H, W), got '
            f'{tuple(labels.shape)} '
            f'and {tuple(features.shape)}: is the label map of another size than the image?'
        )
    labels = labels.flatten(1).long()
    counts = count_pixels(labels, num_segments)
    means = _SuperpixelPool.apply(features.flatten(2), labels, counts)
    return means, counts.flatten()


def count_pixels(labels: Tensor, num_segments: int) -> Tensor:
    """Count the pixels of each segment, ``(V, S)``, in label maps ``(V, P)``; below 0 is none.

    Raises:
        ValueError: If a label is too large.
    """
    if labels.numel() and int(labels.max()) >= num_segments:
        raise ValueError(f'labels go up to {int(labels.max())}, but num_segments={num_segments}.')
    views = torch.arange(len(labels), device=labels.device)[:, None] * num_segments
    rows = (labels + views)[labels >= 0]
    counts = torch.bincount(rows, minlength=len(labels) * num_segments)
    return counts.view(len(labels), num_segments)


class _SuperpixelPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features: Tensor, labels: Tensor, counts: Tensor) -> Tensor:
        scale = 1 / counts.clamp(min=1).to(features.dtype)  # (V, S)
        ctx.save_for_backward(labels, scale)
        ctx.channels = features.shape[1]
        sums_of = _sums_cpu if features.device.type == 'cpu' else _sums_cuda
        sums = sums_of(features, labels, counts.shape[1])
        return (sums * scale[:, None]).transpose(1, 2).flatten(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
        labels, scale = ctx.saved_tensors
        # One more column than there are segments: pixels without a segment read its zero.
        each = grad.new_zeros(len(labels), ctx.channels, scale.shape[1] + 1)
        each[..., :-1] = grad.view(*scale.shape, ctx.channels).transpose(1, 2) * scale[:, None]
        spread = _spread_cpu if grad.device.type == 'cpu' else _spread_cuda
        return spread(each, labels), None, None


def _sums_cuda(features: Tensor, labels: Tensor, num_segments: int) -> Tensor:
    """Sum ``(V, C, S)`` of features ``(V, C, P)``."""
    out = features.new_zeros(*features.shape[:2], num_segments + 1)
    column = torch.where(labels < 0, num_segments, labels)[:, None].expand_as(features)
    return out.scatter_add_(2, column, features)[..., :-1]


def _spread_cuda(each: Tensor, labels: Tensor) -> Tensor:
    """Give each pixel the value of its segment: ``(V, C, S + 1)`` to ``(V, C, P)``."""
    column = torch.where(labels < 0, each.shape[2] - 1, labels)[:, None]
    return each.gather(2, column.expand(-1, each.shape[1], -1))


def _sums_cpu(features: Tensor, labels: Tensor, num_segments: int) -> Tensor:
    out = features.new_zeros(*features.shape[:2], num_segments)
    given, maps, sums = features.detach().contiguous().numpy(), labels.numpy(), out.numpy()
    run_batch(lambda v: _sum_kernel(given[v], maps[v], sums[v]), len(given))
    return out


def _spread_cpu(each: Tensor, labels: Tensor) -> Tensor:
    out = each.new_empty(*each.shape[:2], labels.shape[1])
    given, maps, spread = each.numpy(), labels.numpy(), out.numpy()
    run_batch(lambda v: _spread_kernel(given[v], maps[v], spread[v]), len(given))
    return out


@numba.njit(nogil=True, cache=True)
def _runs(labels):
    """First pixels of the runs of equal labels ``(P,)``, and the end."""
    starts = np.empty(labels.shape[0] + 1, np.int64)
    count = 0
    for p in range(labels.shape[0]):
        if p == 0 or labels[p] != labels[p - 1]:
            starts[count] = p
            count += 1
    starts[count] = labels.shape[0]
    return starts[: count + 1]


@numba.njit(nogil=True, cache=True)
def _sum_kernel(features, labels, out):
    """Add ``features (C, P)`` into ``out (C, S)`` by their labels."""
    starts = _runs(labels)
    zero = features.dtype.type(0)
    fours = features.shape[0] // 4 * 4
    for c in range(0, fours, 4):  # four sums at once don't wait for one another
        for r in range(starts.shape[0] - 1):
            label = labels[starts[r]]
            if label >= 0:
                one, two, three, four = zero, zero, zero, zero
                for p in range(starts[r], starts[r + 1]):
                    one += features[c, p]
                    two += features[c + 1, p]
                    three += features[c + 2, p]
                    four += features[c + 3, p]
                out[c, label] += one
                out[c + 1, label] += two
                out[c + 2, label] += three
                out[c + 3, label] += four
    for c in range(fours, features.shape[0]):
        for p in range(labels.shape[0]):
            if labels[p] >= 0:
                out[c, labels[p]] += features[c, p]


@numba.njit(nogil=True, cache=True)
def _spread_kernel(each, labels, out):
    """Write the value ``each (C, S + 1)`` of a pixel's segment into ``out (C, P)``."""
    starts = _runs(labels)
    nothing = each.shape[1] - 1
    for c in range(each.shape[0]):
        for r in range(starts.shape[0] - 1):
            label = labels[starts[r]]
            value = each[c, label if label >= 0 else nothing]
            for p in range(starts[r], starts[r + 1]):
                out[c, p] = value
