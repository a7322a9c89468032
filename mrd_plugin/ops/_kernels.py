"""Compiled CPU kernels (numba, no compiler needed) of the point operators.

Each kernel works on one cloud, releases the GIL and uses plain IEEE arithmetic, so that its result
equals the operator's definition to the last bit. :func:`run_batch` spreads the clouds of a batch
over threads; the thread count follows ``torch.get_num_threads()``.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import torch

BLOCK = 512  # points whose distances are looked at together: they stay in the cache


def fps_kernel(xyz, k, start, out):
    """Furthest point sampling of ``xyz (N, 3)`` into ``out (k,)``; ties go to the lower index."""
    x, y, z = np.ascontiguousarray(xyz.T)
    nearest = np.full(len(x), np.inf, xyz.dtype)
    # What is not negative has the order of its bits, and the maximum of integers is a vector
    # instruction.
    bits = nearest.view(np.int32 if nearest.itemsize == 4 else np.int64)
    _furthest_points(x, y, z, nearest, bits, start, out[:k])


@numba.njit(nogil=True, cache=True)
def _furthest_points(x, y, z, nearest, bits, start, out):
    current = start
    for i in range(out.shape[0]):
        out[i] = current
        cx, cy, cz = x[current], y[current], z[current]
        furthest, place = bits[0] * 0 - 1, 0
        for low in range(0, x.shape[0], BLOCK):
            part = slice(low, low + BLOCK)
            _move_nearer(x[part], y[part], z[part], nearest[part], cx, cy, cz)
            top = _largest(bits[part])
            if top > furthest:
                furthest, place = top, low
        while bits[place] != furthest:
            place += 1
        current = place


@numba.njit(nogil=True, cache=True)
def _move_nearer(x, y, z, nearest, cx, cy, cz):
    for j in range(x.shape[0]):
        dx, dy, dz = x[j] - cx, y[j] - cy, z[j] - cz
        dist = dx * dx + dy * dy + dz * dz
        nearest[j] = dist if dist < nearest[j] else nearest[j]


@numba.njit(nogil=True, cache=True)
def _largest(values):
    top = values[0]
    for j in range(values.shape[0]):
        top = values[j] if values[j] > top else top
    return top


@numba.njit(nogil=True, cache=True)
def ball_query_kernel(xyz, centres, radius, k, out):
    """Write the first ``k`` of ``xyz (N, 3)`` within ``radius`` of each centre, ``(S, k)``."""
    r2 = xyz.dtype.type(radius * radius)
    for s in range(centres.shape[0]):
        cx, cy, cz = centres[s, 0], centres[s, 1], centres[s, 2]
        found = 0
        nearest, nearest_dist = 0, xyz.dtype.type(np.inf)
        for j in range(xyz.shape[0]):
            dx, dy, dz = xyz[j, 0] - cx, xyz[j, 1] - cy, xyz[j, 2] - cz
            dist = dx * dx + dy * dy + dz * dz
            if dist <= r2:
                out[s, found] = j
                found += 1
                if found == k:
                    break
            elif found == 0 and dist < nearest_dist:
                nearest, nearest_dist = j, dist
        pad = out[s, 0] if found > 0 else nearest
        for i in range(found, k):
            out[s, i] = pad


@numba.njit(nogil=True, cache=True)
def group_max_kernel(x, out, index):
    """Maximum of ``x (G, K, D)`` over K and where it is (int32); the first of equals, NaN wins."""
    for g in range(x.shape[0]):
        for d in range(x.shape[2]):
            out[g, d], index[g, d] = x[g, 0, d], 0
        for k in range(1, x.shape[1]):
            here = np.int32(k)
            for d in range(x.shape[2]):  # selects, not branches: runs on vector registers
                value, best = x[g, k, d], out[g, d]
                higher = (value > best) | (value != value)
                out[g, d] = value if higher else best
                index[g, d] = here if higher else index[g, d]


@numba.njit(nogil=True, cache=True)
def max_linear_backward_kernel(grad, index, x, weight, grad_x, grad_weight):
    """Add the gradients of ``(x @ weight.T).max(1)``, groups ``x (G, K, C)``, to zeroed arrays."""
    for g in range(grad.shape[0]):
        for d in range(grad.shape[1]):
            value, row = grad[g, d], index[g, d]
            if value == 0:  # ReLU follows: half of them
                continue
            for c in range(x.shape[2]):
                grad_x[g, row, c] += value * weight[d, c]
                grad_weight[d, c] += value * x[g, row, c]


def run_batch(kernel: Callable[[int], None], batch_size: int) -> None:
    """Call ``kernel(b)`` for each cloud of a batch, on as many threads as torch uses."""
    workers = min(torch.get_num_threads(), batch_size)
    if workers <= 1:
        for b in range(batch_size):
            kernel(b)
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(kernel, range(batch_size)))
