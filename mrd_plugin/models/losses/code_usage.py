"""How a codebook is used: numbers to log."""

from __future__ import annotations

import torch
from torch import Tensor


def perplexity(codes: Tensor, num_codes: int) -> Tensor:
    """Exponential of the entropy of the chosen codes: 1 if all rows choose one, V if all are used alike.

    Args:
        codes (Tensor): Chosen code of each row, ``(N,)``, int64.
        num_codes (int): Codes in the book, V.

    Returns:
        Tensor: Scalar float32; 0 for N = 0.
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
        hit (Tensor): ``(P,)`` bool.
        kind (Tensor): ``(P,)`` int64.
        num_kinds (int): Number of kinds K.

    Returns:
        Tensor: ``(K,)`` float32; 0 where a kind has no row.
    """
    hits = torch.bincount(kind[hit], minlength=num_kinds)
    return hits.float() / torch.bincount(kind, minlength=num_kinds).clamp(min=1)
