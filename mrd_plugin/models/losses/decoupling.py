"""What keeps specific features apart from shared ones, and a prior on them (CMCR, arXiv 2412.08973)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mrd_plugin.utils.precision import in_full_precision


@in_full_precision
def cross_moment(shared: Tensor, specific: Tensor) -> Tensor:
    """Sum of ``f^T g / |g|`` over rows.

    A sum, so that ranks and pictures can be added up before :func:`orthogonality`.

    Args:
        shared (Tensor): ``(N, D)`` of unit length.
        specific (Tensor): ``(N, D)``, normalised here.

    Returns:
        Tensor: ``(D, D)``.
    """
    return shared.T @ F.normalize(specific, dim=1)


def orthogonality(moment: Tensor, rows: int, published: bool = False) -> Tensor:
    """Frobenius norm of the mean of ``f^T g / |g|``: 0 if shared and specific features don't co-vary.

    The released code divides the norm of the *sum* by ``D^2``, so that the term grows with the number of
    voxels of a batch. Here it is divided by that number instead and lies in [0, 1]; a batch of
    60,000 voxels at D = 64 weighs 15 times as much in the published form.

    Args:
        moment (Tensor): ``(D, D)`` from :func:`cross_moment`.
        rows (int): Number of rows N that it sums.
        published (bool): Divide as the released code does. Defaults to False.

    Returns:
        Tensor: Scalar; its gradient is zero, not infinite, where the moment is zero.
    """
    norm = moment.square().sum().clamp(min=1e-24).sqrt()
    return norm / (moment.numel() if published else max(rows, 1))


@in_full_precision
def moment_sums(features: Tensor) -> Tensor:
    """Sums of rows ``(N, D)`` and of their squares, ``(2, D)``; ranks are added up."""
    return torch.stack([features.sum(0), features.square().sum(0)])


def moment_kl(sums: Tensor, rows: int) -> Tensor:
    """Kullback-Leibler divergence of the channels' Gaussian moments from the standard normal.

    INTERPRETATION: CMCR's figure draws an ``L_kl`` on the specific 3D features that neither its
    released code nor a formula explains. This is the one that needs no further network: with mean m and
    variance s of a channel over the rows, ``(m^2 + s - ln s - 1) / 2``, averaged over channels.

    Args:
        sums (Tensor): ``(2, D)`` from :func:`moment_sums`.
        rows (int): Number of rows N that it sums.

    Returns:
        Tensor: Scalar, at least 0; zero for N < 2, where there is no variance.
    """
    if rows < 2:
        return 0 * sums.sum()
    mean, square = sums / rows
    variance = (square - mean.square()).clamp(min=1e-6)
    return 0.5 * (mean.square() + variance - variance.log() - 1).mean()
