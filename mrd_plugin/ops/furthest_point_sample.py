"""Furthest point sampling."""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.ops._kernels import fps_kernel, run_batch


@torch.no_grad()
def furthest_point_sample(xyz: Tensor, k: int, start: int = 0) -> Tensor:
    """Choose ``k`` points of each cloud, each the furthest from all chosen before it.

    Ties go to the lower index, so the result depends on nothing but the input.

    Args:
        xyz: Coordinates ``(B, N, 3)``, any unit, float32 or float64.
        k: How many points to choose, ``1 <= k <= N``.
        start: Index of the first point. Defaults to 0.

    Returns:
        Indices ``(B, k)``, int64, in the order of choice.

    Raises:
        ValueError: If the shape of ``xyz`` or the value of ``k`` or ``start`` does not fit.
    """
    _check(xyz, k, start)
    if xyz.device.type != 'cpu':
        return _fps_torch(xyz, k, start)
    clouds = xyz.detach().contiguous().numpy()
    out = torch.empty(len(xyz), k, dtype=torch.int64)
    rows = out.numpy()
    run_batch(lambda b: fps_kernel(clouds[b], k, start, rows[b]), len(xyz))
    return out


def _fps_torch(xyz: Tensor, k: int, start: int) -> Tensor:
    """Write the same in tensor operations: one launch per chosen point, the whole batch at once."""
    batch = torch.arange(len(xyz), device=xyz.device)
    nearest = xyz.new_full(xyz.shape[:2], torch.inf)
    current = torch.full((len(xyz),), start, dtype=torch.int64, device=xyz.device)
    out = torch.empty(len(xyz), k, dtype=torch.int64, device=xyz.device)
    for i in range(k):
        out[:, i] = current
        diff = xyz - xyz[batch, current].unsqueeze(1)
        nearest = torch.minimum(nearest, diff.square_().sum(-1))
        current = nearest.argmax(-1)
    return out


def _check(xyz: Tensor, k: int, start: int) -> None:
    if xyz.ndim != 3 or xyz.shape[-1] != 3:
        raise ValueError(f'xyz must have the shape (B, N, 3), got {tuple(xyz.shape)}.')
    if not 1 <= k <= xyz.shape[1]:
        raise ValueError(f'k must lie in 1..N = {xyz.shape[1]}, got {k}.')
    if not 0 <= start < xyz.shape[1]:
        raise ValueError(f'start must lie in 0..{xyz.shape[1] - 1}, got {start}.')
