"""Compiled loops of the point operators, one cloud each."""

from __future__ import annotations

import numba
import numpy as np

from mrd_plugin.ops._kernels import BLOCK


@numba.njit(nogil=True, cache=True)
def _count_between(x, y, z, cx, cy, cz, low, high):
    """How many points are to be found: vector instructions, and most blocks have none."""
    hits = np.int32(0)
    for j in range(x.shape[0]):
        dx, dy, dz = cx - x[j], cy - y[j], cz - z[j]
        dist = dx * dx + dy * dy + dz * dz
        hits += np.int32((dist == 0) | ((low <= dist) & (dist < high)))
    return hits


@numba.njit(nogil=True, cache=True)
def shell_query_kernel(xyz, centres, min_radius, max_radius, out):
    """Write the first points of ``xyz (N, 3)`` between two radii of each centre to ``out (S, K)``.

    Rows with fewer are filled up with their first point; rows without any with point 0.
    """
    low = xyz.dtype.type(min_radius) * xyz.dtype.type(min_radius)
    high = xyz.dtype.type(max_radius) * xyz.dtype.type(max_radius)
    size, count = xyz.shape[0], out.shape[1]
    x, y, z = xyz[:, 0].copy(), xyz[:, 1].copy(), xyz[:, 2].copy()
    for s in range(centres.shape[0]):
        cx, cy, cz = centres[s, 0], centres[s, 1], centres[s, 2]
        found = 0
        for start in range(0, size, BLOCK):
            stop = min(start + BLOCK, size)
            part = slice(start, stop)
            if _count_between(x[part], y[part], z[part], cx, cy, cz, low, high) == 0:
                continue
            for j in range(start, stop):
                dx, dy, dz = cx - x[j], cy - y[j], cz - z[j]
                dist = dx * dx + dy * dy + dz * dz
                if dist == 0 or (low <= dist < high):
                    out[s, found] = j
                    found += 1
                    if found == count:
                        break
            if found == count:
                break
        pad = out[s, 0] if found > 0 else 0
        for i in range(found, count):
            out[s, i] = pad


@numba.njit(nogil=True, cache=True)
def nearest_kernel(xyz, queries, dist, index):
    """Squared distances and indices of the K nearest of ``xyz (N, 3)``, nearest first, ``(S, K)``.

    Of equally near points the lower index comes first.
    """
    count = index.shape[1]
    for s in range(queries.shape[0]):
        qx, qy, qz = queries[s, 0], queries[s, 1], queries[s, 2]
        for i in range(count):
            dist[s, i], index[s, i] = np.inf, 0
        for j in range(xyz.shape[0]):
            dx, dy, dz = qx - xyz[j, 0], qy - xyz[j, 1], qz - xyz[j, 2]
            d = dx * dx + dy * dy + dz * dz
            if d >= dist[s, count - 1]:
                continue
            i = count - 1
            while i > 0 and d < dist[s, i - 1]:
                dist[s, i], index[s, i] = dist[s, i - 1], index[s, i - 1]
                i -= 1
            dist[s, i], index[s, i] = d, j


@numba.njit(nogil=True, cache=True)
def furthest_by_distance_kernel(dist, out):
    """Write the furthest points by distances ``(N, N)``, point 0 first, to ``out (M,)``."""
    size = dist.shape[0]
    nearest = np.full(size, np.inf, dist.dtype)
    out[0] = 0
    for i in range(1, out.shape[0]):
        last, best = out[i - 1], 0
        for j in range(size):
            nearest[j] = min(nearest[j], dist[last, j])
            if nearest[j] > nearest[best]:
                best = j
        out[i] = best
