"""A codebook that two sensors share, moved by exponential averages of both.

CMCR (arXiv 2412.08973; formulas from its released code), after Xia et al. (Achieving Cross Modal
Generalization with Multimodal Unified Representation, NeurIPS 2023). Where the released code needs
a process group and averages the ranks' books, here the ranks' *sums* are joined, so that any number
of ranks with any number of pairs moves the book as one process with all pairs would.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine import dist
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.utils.precision import in_full_precision

_ROWS = 16_384  # rows of a block: bounds the memory of the products, not the result


class Quantised(NamedTuple):
    """Features given back as codes.

    Attributes:
        values: ``(N, D)`` codes, with the features' gradient (straight-through).
        codes: Which code each is, ``(N,)``, int64.
    """

    values: Tensor
    codes: Tensor


@MODELS.register_module()
class Codebook(BaseModule):
    """V codes of unit length in the space of the shared features.

    Args:
        num_codes: V. Defaults to 400.
        dim: Length of a code, D. Defaults to 64.
        decay: Of the averages, in (0, 1). Defaults to 0.999.
        revive: Replace codes that no pair chose for more than ``max_idle`` updates by a noisy copy
            of one that is in use (commented out in the released code). Defaults to False.
        max_idle: Defaults to 300.
        init_cfg: MMEngine's initialisation config.

    Attributes:
        codes: ``(V, D)``.
        sizes: Averages of how many rows choose each code, ``(V,)``.
        sums: Averages of the sums of these rows, ``(V, D)``; their directions are the codes.
        idle: Updates since each code was chosen, ``(V,)``.
    """

    codes: Tensor
    sizes: Tensor
    sums: Tensor
    idle: Tensor

    def __init__(
        self,
        num_codes: int = 400,
        dim: int = 64,
        decay: float = 0.999,
        revive: bool = False,
        max_idle: int = 300,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.decay = decay
        self.revive = revive
        self.max_idle = max_idle
        codes = F.normalize(torch.rand(num_codes, dim) * 2 - 1, dim=1)
        self.register_buffer('codes', codes)
        self.register_buffer('sizes', torch.zeros(num_codes))
        self.register_buffer('sums', codes.clone())
        self.register_buffer('idle', torch.zeros(num_codes, dtype=torch.long))

    @torch.no_grad()
    @in_full_precision
    def nearest(self, features: Tensor) -> Tensor:
        """Choose the nearest code of each row ``(N, D)``: ``(N,)``, int64.

        All codes have one length, so that the nearest has the largest inner product.
        """
        blocks = features.detach().to(self.codes.dtype).split(_ROWS)
        return torch.cat([(block @ self.codes.T).argmax(1) for block in blocks])

    @in_full_precision
    def quantise(self, features: Tensor) -> Quantised:
        """Give each row ``(N, D)`` its nearest code; the gradient goes straight to the row."""
        codes = self.nearest(features)
        return Quantised(features + (self.codes[codes] - features).detach(), codes)

    @torch.no_grad()
    @in_full_precision
    def update(
        self, points: Tensor, pixels: Tensor, point_codes: Tensor, pixel_codes: Tensor
    ) -> None:
        """Move the codes towards the pairs that chose them, once for each sensor.

        With one-hot choices A of one sensor, N choices a code and rows f, g of the points and
        pixels: ``n <- d n + (1 - d) A^T 1``, smoothed, and ``m <- d m + (1 - d) A^T (f + g) / 2``;
        first with the points' choices, then with the pixels'. The codes are the directions of ``m /
        n``.

        Args:
            points: This rank's pairs, ``(N, D)``; N may differ between ranks and be 0.
            pixels: Their partners, ``(N, D)``.
            point_codes: Choices of the points, ``(N,)``.
            pixel_codes: Choices of the pixels, ``(N,)``.
        """
        half = (points + pixels).to(self.sums.dtype) / 2
        counted = torch.stack([self._count(half, codes) for codes in (point_codes, pixel_codes)])
        dist.all_reduce(counted)  # does nothing without a process group
        for both in counted:
            self._average(both[:, 0], both[:, 1:])
        self.codes.copy_(F.normalize(self.sums / self.sizes.clamp(min=1e-12)[:, None], dim=1))
        chosen = counted[..., 0].sum(0) > 0
        self.idle.add_(1).masked_fill_(chosen, 0)
        if self.revive and chosen.any():
            self._revive(chosen)

    def _count(self, rows: Tensor, codes: Tensor) -> Tensor:
        """Return the number and sum of the rows that chose each code, ``(V, 1 + D)``."""
        counted = torch.cat([rows.new_ones(len(rows), 1), rows], dim=1)
        return rows.new_zeros(len(self.codes), counted.shape[1]).index_add_(0, codes, counted)

    def _average(self, number: Tensor, total: Tensor) -> None:
        self.sizes.lerp_(number, 1 - self.decay)
        everything = self.sizes.sum()
        smoothed = (self.sizes + 1e-5) / (everything + len(self.sizes) * 1e-5) * everything
        self.sizes.copy_(smoothed)
        self.sums.mul_(self.decay).add_(total, alpha=1 - self.decay)

    def _revive(self, chosen: Tensor) -> None:
        """Move codes that were idle for too long to features of this step; alike on all ranks."""
        dead = (self.idle > self.max_idle).nonzero()[:, 0]
        if len(dead) == 0:
            return
        living = chosen.nonzero()[:, 0]
        picked = living[torch.randint(len(living), (len(dead),), device=living.device)]
        noise = (torch.rand_like(self.codes[dead]) * 2 - 1) / 1024
        fresh = F.normalize(self.codes[picked] + noise, dim=1)
        dist.broadcast(fresh)
        self.codes[dead] = fresh
        self.sums[dead] = fresh
        self.sizes[dead] = 0
        self.idle[dead] = 0
