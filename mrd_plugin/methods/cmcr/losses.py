"""The loss terms of CMCR (arXiv 2412.08973; formulas from its released code), and numbers to log.

*Code matching* asks that a pair's two features choose alike among the codes of a common codebook,
after Liu et al., cross-modal discrete representation learning (arXiv 2106.05438). With
``p_i = softmax_v(-|f_i - e_v|)`` and ``q_i`` likewise of ``g_i``,

    S_ij = sum_v [ p_iv log q_jv + q_iv log p_jv ]
    L = -1/N sum_i log( exp(S_ii) / sum_j exp(S_ij) )

The released code loops over the rows and shifts ``S`` by its minimum, which can overflow; here it
is one matrix product and a cross entropy.

*Commitment* ties features to their own and to their partner's code (Xia et al., Achieving Cross
Modal Generalization with Multimodal Unified Representation, NeurIPS 2023). With codes ``e_k`` of
the points and ``e_l`` of their pixels as constants::

    L_p = 2 b |f - e_k|^2 + b |f - e_l|^2        L_v = 2 b |g - e_l|^2 + b |g - e_k|^2

The terms that cross over are what makes the codebook common.

*Decoupling* keeps specific features apart from shared ones (:func:`orthogonality`) and puts a prior
on them (:func:`moment_kl`). *Masked images* are rebuilt by :func:`image_error`. *Occupancy*
(ALSO, Boulch et al. 2023, arXiv 2212.05867, section 3): is there matter at a query, and what does
it reflect; each (query, support point) pair is a sample of its own.

How the codebook is used is told by :func:`perplexity`, :func:`agreement`, :func:`rate_by_kind`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mrd_plugin.methods.contrast.point_pixel import Contrast, contrast_of_logits
from mrd_plugin.utils.precision import in_full_precision

_LOWEST = -80.0  # a probability of 1e-35: no sum of products leaves what float32 can hold


def code_log_probabilities(features: Tensor, codes: Tensor) -> Tensor:
    """Logarithm of the soft choice among codes.

    Args:
        features: ``(N, D)``.
        codes: ``(V, D)``, constants.

    Returns:
        ``(N, V)``. The gradient flows to the features alone and is finite on a code itself.
    """
    codes = codes.detach()
    squares = features.square().sum(1, keepdim=True) + codes.square().sum(1)
    distance = (squares - 2 * features @ codes.T).clamp(min=1e-12).sqrt()
    return torch.log_softmax(-distance, dim=1)


@in_full_precision
def code_matching(points: Tensor, pixels: Tensor, codes: Tensor) -> Contrast:
    """Compare the choices of both sensors.

    Args:
        points: ``(N, D)`` features f of the points.
        pixels: ``(N, D)`` features g of their pixels.
        codes: ``(V, D)`` of the codebook.

    Returns:
        Loss, match rate and chance level ``ln N``.
    """
    log_p = code_log_probabilities(points, codes).clamp(min=_LOWEST)
    log_q = code_log_probabilities(pixels, codes).clamp(min=_LOWEST)
    both = torch.cat([log_p, log_q], dim=1).exp()
    crossed = torch.cat([log_q, log_p], dim=1)
    return contrast_of_logits(both @ crossed.T)


def perplexity(codes: Tensor, num_codes: int) -> Tensor:
    """Exponential of the entropy of the chosen codes: 1 if one is chosen, V if all are alike.

    Args:
        codes: Chosen code of each row, ``(N,)``, int64.
        num_codes: Codes in the book, V.

    Returns:
        Scalar float32; 0 for N = 0.
    """
    if len(codes) == 0:
        return torch.zeros((), device=codes.device)
    share = torch.bincount(codes, minlength=num_codes).float() / len(codes)
    return torch.special.entr(share).sum().exp()


def agreement(codes: Tensor, other: Tensor) -> Tensor:
    """Share of rows whose partner chose the same code, scalar; 0 for N = 0."""
    return (codes == other).float().sum() / max(len(codes), 1)


def rate_by_kind(hit: Tensor, kind: Tensor, num_kinds: int) -> Tensor:
    """Rate of hits among the rows of each kind.

    Args:
        hit: ``(P,)`` bool.
        kind: ``(P,)`` int64.
        num_kinds: Number of kinds K.

    Returns:
        ``(K,)`` float32; 0 where a kind has no row.
    """
    hits = torch.bincount(kind[hit], minlength=num_kinds)
    return hits.float() / torch.bincount(kind, minlength=num_kinds).clamp(min=1)


@in_full_precision
def commitment(features: Tensor, own_codes: Tensor, other_codes: Tensor, beta: float) -> Tensor:
    """One side's commitment, ``L_p`` or ``L_v``.

    Args:
        features: ``(N, D)``.
        own_codes: ``(N, D)`` codes of the features; constants.
        other_codes: ``(N, D)`` codes of their partners; constants.
        beta: The weight b; 0.25 in the released code.

    Returns:
        Mean over all N D numbers, a scalar; zero for N = 0.
    """
    own = (features - own_codes.detach()).square().sum()
    other = (features - other_codes.detach()).square().sum()
    return beta * (2 * own + other) / max(features.numel(), 1)


@in_full_precision
def cross_moment(shared: Tensor, specific: Tensor) -> Tensor:
    """Sum of ``f^T g / |g|`` over rows.

    A sum, so that ranks and images can be added up before :func:`orthogonality`.

    Args:
        shared: ``(N, D)`` of unit length.
        specific: ``(N, D)``, normalised here.

    Returns:
        ``(D, D)``.
    """
    return shared.T @ F.normalize(specific, dim=1)


def orthogonality(moment: Tensor, rows: int, published: bool = False) -> Tensor:
    """Frobenius norm of the mean of ``f^T g / |g|``: 0 if shared and specific don't co-vary.

    The released code divides the norm of the *sum* by ``D^2``, so that the term grows with the
    number of voxels of a batch. Here it is divided by that number instead and lies in [0, 1]; a
    batch of 60,000 voxels at D = 64 weighs 15 times as much in the published form.

    Args:
        moment: ``(D, D)`` from :func:`cross_moment`.
        rows: Number of rows N that it sums.
        published: Divide as the released code does. Defaults to False.

    Returns:
        Scalar; its gradient is zero, not infinite, where the moment is zero.
    """
    norm = moment.square().sum().clamp(min=1e-24).sqrt()
    return norm / (moment.numel() if published else max(rows, 1))


@in_full_precision
def moment_sums(features: Tensor) -> Tensor:
    """Return sums of rows ``(N, D)`` and of their squares, ``(2, D)``; ranks are added up."""
    return torch.stack([features.sum(0), features.square().sum(0)])


def moment_kl(sums: Tensor, rows: int) -> Tensor:
    """Kullback-Leibler divergence of the channels' Gaussian moments from the standard normal.

    INTERPRETATION: CMCR's figure draws an ``L_kl`` on the specific 3D features that neither its
    released code nor a formula explains. This is the one that needs no further network: with mean m
    and variance s of a channel over the rows, ``(m^2 + s - ln s - 1) / 2``, averaged over channels.

    Args:
        sums: ``(2, D)`` from :func:`moment_sums`.
        rows: Number of rows N that it sums.

    Returns:
        Scalar, at least 0; zero for N < 2, where there is no variance.
    """
    if rows < 2:
        return 0 * sums.sum()
    mean, square = sums / rows
    variance = (square - mean.square()).clamp(min=1e-6)
    return 0.5 * (mean.square() + variance - variance.log() - 1).mean()


@in_full_precision
def image_error(predicted: Tensor, images: Tensor) -> Tensor:
    """Squared error summed over *all* pixels, masked or not, as the released code averages it.

    A sum, so that ranks are added up before it is divided by the number of values.

    Args:
        predicted: ``(V, 3, H, W)``.
        images: The whole images, ``(V, 3, H, W)`` in [0, 1].
    """
    return (predicted - images).square().sum()


@torch.no_grad()
@in_full_precision
def masked_psnr(predicted: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB over the masked pixels; 0 if nothing is masked.

    Args:
        predicted: ``(V, 3, H, W)``.
        images: ``(V, 3, H, W)`` in [0, 1].
        masks: True where an image was blacked out, ``(V, H, W)``.

    Returns:
        Scalar, at most 100.
    """
    if not masks.any():
        return predicted.new_zeros(())
    error = (predicted - images).square().permute(0, 2, 3, 1)[masks].mean()
    return -10 * error.clamp(min=1e-10).log10()


class OccupancySums(NamedTuple):
    """Sums over (query, support) pairs; ranks are added up before they are divided.

    Attributes:
        occupancy: Binary cross entropies, scalar.
        intensity: Absolute errors of the intensity, scalar.
        pairs: Terms of the first, scalar.
        known: Terms of the second: pairs whose return has an intensity, scalar.
    """

    occupancy: Tensor
    intensity: Tensor
    pairs: Tensor
    known: Tensor


@in_full_precision
def occupancy_sums(predicted: Tensor, occupied: Tensor, intensity: Tensor | None) -> OccupancySums:
    """Compare predictions with what the sweep tells.

    Args:
        predicted: Occupancy logit and intensity, ``(P, 2)``.
        occupied: 0 or 1, ``(P,)``.
        intensity: Of the return, below 0 where there is none (far queries), ``(P,)``; None if the
            source has no intensities.

    Returns:
        Zeros for P = 0.
    """
    target = occupied.to(predicted.dtype)
    occupancy = F.binary_cross_entropy_with_logits(predicted[:, 0], target, reduction='sum')
    pairs = predicted.new_tensor(len(predicted))
    if intensity is None:
        return OccupancySums(occupancy, 0 * predicted[:, 1].sum(), pairs, predicted.new_zeros(()))
    known = intensity >= 0
    error = (predicted[known, 1] - intensity[known].to(predicted.dtype)).abs().sum()
    return OccupancySums(occupancy, error, pairs, known.sum().to(predicted.dtype))
