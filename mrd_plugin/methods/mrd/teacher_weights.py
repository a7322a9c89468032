"""Dynamic weights of the two teachers: mixed into one (D2), or rows weighted by their agreement.

How the sources weight the teachers is not said; each class here is one INTERPRETATION.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mrd_plugin.methods.mrd.relations import NormalisedRelation
from mrd_plugin.utils.errors import ConfigError


class TeacherMix(nn.Module):
    """D2: one mixed teacher ``alpha image + (1 - alpha) text``, ``alpha = sigmoid(a)``.

    What it can learn: which teacher's relations the points can follow; a mixture of two
    row-stochastic relations is row-stochastic, so the student has one target that both shape.
    Known failure: alpha drifts to the teacher that the student matches already, and slowly: a
    prototype saw it move by 0.05 to 0.1. Log it, and give it a larger learning rate.

    Args:
        start: First alpha, in (0, 1).
        gate_dim: Teacher dim; if given, alpha comes for each row from a linear gate on the row's
            image and text features instead of from one scalar.
    """

    def __init__(self, start: float = 0.5, gate_dim: int | None = None) -> None:
        super().__init__()
        if not 0 < start < 1:
            raise ConfigError(f'TeacherMix(start={start}): must lie strictly between 0 and 1.')
        self.logit = nn.Parameter(torch.tensor(math.log(start / (1 - start))))
        self.gate = nn.Linear(2 * gate_dim, 1, bias=False) if gate_dim else None
        if self.gate is not None:
            nn.init.zeros_(self.gate.weight)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """Weight of the image teacher for each row.

        Args:
            image: ``(n, D)`` normalised image rows, no gradient.
            text: ``(n, D)`` likewise.

        Returns:
            ``(n,)`` in (0, 1).
        """
        logit = self.logit.expand(len(image))
        if self.gate is not None:
            logit = logit + self.gate(torch.cat([image, text], 1))[:, 0]
        return torch.sigmoid(logit)

    def state(self) -> dict[str, Tensor]:
        """Scalars to log: alpha (with a gate: of a row on which the gate is silent)."""
        return {'alpha': torch.sigmoid(self.logit.detach())}


class AgreementWeights(nn.Module):
    """Rows on which image and text agree count more: ``u_i ~ exp(-sharpness D_i / mean D)``.

    ``D_i`` is the Jeffrey divergence between the image's and the text's relation row of sample
    ``i``; the weights have mean 1. There are no parameters. What it can say: which samples have
    relations worth copying (two independent teachers that agree are less likely to be wrong). Known
    failure: rows without structure (near-uniform in both) agree too, so an overly large temperature
    rewards samples without information. Costs two more similarity products per step.

    Args:
        tau: Temperature of the compared relations, > 0.
        sharpness: 0 gives every row the same weight.
    """

    def __init__(self, tau: float = 0.1, sharpness: float = 1.0) -> None:
        super().__init__()
        self.relation = NormalisedRelation(1.0, 1.0, tau, tau)
        self.sharpness = sharpness
        self._state: dict[str, Tensor] = {}

    @torch.no_grad()
    def forward(self, image: Tensor, text: Tensor, block_size: int) -> Tensor:
        """Weight of each row.

        Args:
            image: ``(n, D)`` normalised image rows, n >= 3.
            text: ``(n, D)`` normalised text rows of the same samples.
            block_size: Rows in a block.

        Returns:
            ``(n,)`` positive, mean 1.
        """
        parts = []
        for start in range(0, len(image), block_size):
            rows = slice(start, start + block_size)
            target = self.relation.teacher((image[rows] @ image.T,), None, start)
            parts.append(self.relation.compare(text[rows] @ text.T, target, start, False).value)
        divergence = torch.cat(parts)
        level = divergence.mean()
        weights = torch.softmax(-self.sharpness * divergence / level.clamp_min(1e-12), 0)
        weights = weights * len(weights)
        self._state = {'divergence': level, 'effective_rows': 1 / weights.square().mean()}
        return weights

    def state(self) -> dict[str, Tensor]:
        """Scalars to log: the teachers' mean divergence, the effective share of rows in (0, 1]."""
        return dict(self._state)
