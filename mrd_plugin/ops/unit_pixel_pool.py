"""Means of unit pixel features over superpixels, from a small feature map, without enlarging it."""

from __future__ import annotations

import numba
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mrd_plugin.ops._kernels import run_batch
from mrd_plugin.ops.superpixel_pool import count_pixels, superpixel_pool
from mrd_plugin.utils.precision import in_full_precision

_EPS = 1e-12  # as in torch.nn.functional.normalize


@in_full_precision
def unit_pixel_pool(maps: Tensor, labels: Tensor, num_segments: int) -> tuple[Tensor, Tensor]:
    """Enlarge maps to the size of the labels, make every pixel unit length, average over segments.

    What an image-to-LiDAR method does with the output of its image head (SLidR, arXiv 2203.16258,
    section 3.2: bilinear with the corners aligned; the means are not of unit length). On a CPU the
    enlarged maps, hundreds of megabytes a scene, are never made: each pixel is computed where it is
    added up, and again in the backward pass. Differentiable once.

    Args:
        maps: ``(V, C, h, w)``; half precision is computed, and given back, in float32.
        labels: Segment of each pixel, ``(V, H, W)``, integer; below 0 for none.
        num_segments: Segments per image S; every label lies below.

    Returns:
        Means ``(V * S, C)``, zeros for segments without a pixel, and numbers of pixels ``(V *
        S,)``, int64.

    Raises:
        ValueError: If the numbers of images differ or a label is too large.
    """
    if maps.ndim != 4 or labels.ndim != 3 or len(maps) != len(labels):
        raise ValueError(
            f'labels must be (V, H, W) and maps (V, C, h, w), got {tuple(labels.shape)} and '
            f'{tuple(maps.shape)}.'
        )
    if maps.device.type != 'cpu':
        size = (labels.shape[1], labels.shape[2])
        pixels = F.interpolate(maps, size, mode='bilinear', align_corners=True)
        return superpixel_pool(F.normalize(pixels, dim=1), labels, num_segments)
    labels = labels.long()
    counts = count_pixels(labels.flatten(1), num_segments)
    scale = 1 / counts.clamp(min=1).to(maps.dtype)
    sums = _UnitPixelSums.apply(maps, labels, num_segments)  # (V, S, C)
    return (sums * scale[..., None]).flatten(0, 1), counts.flatten()


class _UnitPixelSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx, maps: Tensor, labels: Tensor, num_segments: int) -> Tensor:
        last = maps.detach().permute(0, 2, 3, 1).contiguous()  # (V, h, w, C)
        ctx.save_for_backward(last, labels)
        out = maps.new_zeros(len(maps), num_segments, maps.shape[1])
        given, segments, sums = last.numpy(), labels.numpy(), out.numpy()
        run_batch(lambda v: _sum_kernel(given[v], segments[v], sums[v]), len(given))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
        last, labels = ctx.saved_tensors
        out = torch.zeros_like(last)
        given, segments = last.numpy(), labels.numpy()
        wanted, grads = grad.contiguous().numpy(), out.numpy()
        run_batch(lambda v: _grad_kernel(given[v], segments[v], wanted[v], grads[v]), len(given))
        return out.permute(0, 3, 1, 2), None, None


@numba.njit(nogil=True, cache=True)
def _between(pixel, pixels, cells):
    """Return the two cells around a pixel along one axis, and its distance from the first."""
    position = pixel * ((cells - 1) / max(pixels - 1, 1))
    first = min(int(position), cells - 1)
    return first, min(first + 1, cells - 1), position - first


@numba.njit(nogil=True, cache=True)
def _blend(a, b, t, out):
    """Interpolate ``out = (1 - t) a + t b`` for arrays of one shape ``(n,)``."""
    s = a.dtype.type(1 - t)
    t = a.dtype.type(t)
    for i in range(out.shape[0]):
        out[i] = s * a[i] + t * b[i]


@numba.njit(nogil=True, cache=True, fastmath={'reassoc'})  # lets sums run on vector registers
def _inverse_length(x):
    total = x.dtype.type(0)
    for c in range(x.shape[0]):
        total += x[c] * x[c]
    return x.dtype.type(1 / max(np.sqrt(total), _EPS))


@numba.njit(nogil=True, cache=True)
def _sum_kernel(maps, labels, out):
    """Add the unit pixels of ``maps (h, w, C)`` into ``out (S, C)`` by ``labels (H, W)``."""
    height, width, channels = maps.shape
    line = np.empty((width, channels), maps.dtype)
    x = np.empty(channels, maps.dtype)
    for row in range(labels.shape[0]):
        top, bottom, down = _between(row, labels.shape[0], height)
        _blend(maps[top].reshape(-1), maps[bottom].reshape(-1), down, line.reshape(-1))
        for column in range(labels.shape[1]):
            label = labels[row, column]
            if label >= 0:
                left, right, along = _between(column, labels.shape[1], width)
                _blend(line[left], line[right], along, x)
                inverse = _inverse_length(x)
                total = out[label]
                for c in range(channels):
                    total[c] += inverse * x[c]


@numba.njit(nogil=True, cache=True, fastmath={'reassoc'})
def _dot(a, b):
    total = a.dtype.type(0)
    for c in range(a.shape[0]):
        total += a[c] * b[c]
    return total


@numba.njit(nogil=True, cache=True)
def _grad_kernel(maps, labels, grad, out):
    """Add the gradient of ``maps (h, w, C)`` into ``out``, given that of the sums ``(S, C)``."""
    height, width, channels = maps.shape
    line = np.empty((width, channels), maps.dtype)
    line_grad = np.empty((width, channels), maps.dtype)
    x = np.empty(channels, maps.dtype)
    for row in range(labels.shape[0]):
        top, bottom, down = _between(row, labels.shape[0], height)
        _blend(maps[top].reshape(-1), maps[bottom].reshape(-1), down, line.reshape(-1))
        line_grad[:] = 0
        for column in range(labels.shape[1]):
            label = labels[row, column]
            if label >= 0:
                left, right, along = _between(column, labels.shape[1], width)
                _blend(line[left], line[right], along, x)
                inverse = _inverse_length(x)
                # Of x / |x|: the part of the gradient across x; below eps the length is a constant.
                along_x = _dot(x, grad[label]) * inverse * inverse
                if inverse * _EPS >= 1:
                    along_x = maps.dtype.type(0)
                before, after = line_grad[left], line_grad[right]
                one, two = maps.dtype.type(1 - along), maps.dtype.type(along)
                for c in range(channels):
                    dx = inverse * (grad[label, c] - along_x * x[c])
                    before[c] += one * dx
                    after[c] += two * dx
        one, two = maps.dtype.type(1 - down), maps.dtype.type(down)
        for i in range(width):
            for c in range(channels):
                out[top, i, c] += one * line_grad[i, c]
                out[bottom, i, c] += two * line_grad[i, c]
