"""Reconstruction of masked pictures (CMCR, arXiv 2412.08973; released code)."""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.utils.precision import in_full_precision


@in_full_precision
def image_error(predicted: Tensor, images: Tensor) -> Tensor:
    """Squared error summed over *all* pixels, masked or not, as the released code averages it.

    A sum, so that ranks are added up before it is divided by the number of values.

    Args:
        predicted (Tensor): ``(V, 3, H, W)``.
        images (Tensor): The whole pictures, ``(V, 3, H, W)`` in [0, 1].

    Returns:
        Tensor: Scalar.
    """
    return (predicted - images).square().sum()


@torch.no_grad()
@in_full_precision
def masked_psnr(predicted: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB over the masked pixels; 0 if nothing is masked.

    Args:
        predicted (Tensor): ``(V, 3, H, W)``.
        images (Tensor): ``(V, 3, H, W)`` in [0, 1].
        masks (Tensor): True where a picture was blacked out, ``(V, H, W)``.

    Returns:
        Tensor: Scalar, at most 100.
    """
    if not masks.any():
        return predicted.new_zeros(())
    error = (predicted - images).square().permute(0, 2, 3, 1)[masks].mean()
    return -10 * error.clamp(min=1e-10).log10()
