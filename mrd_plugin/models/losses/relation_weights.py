"""How the dynamic weights of MRD fit together: one module in each relation kind, one across kinds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mrd_plugin.models.losses.teacher_weights import TeacherMix
from mrd_plugin.models.losses.weighting import (
    TermWeights,
    UncertaintyWeights,
    build_term_weights,
)


class RelationWeights(nn.Module):
    """Weights of all relation slots: ``fixed weight x across kinds x within the kind``.

    Args:
        kinds (dict[str, float]): Fixed weight > 0 of 'intra', 'cross' or both.
        within (dict): Config of what joins image and text inside a kind: TeacherMix, which leaves one
            slot a kind, or term weights, which leave two.
        across (dict): Config of the term weights between the kinds; used if there are two.
    """

    def __init__(self, kinds: dict[str, float], within: dict, across: dict) -> None:
        super().__init__()
        self.kinds = dict(kinds)
        self.mixed = within.get('type') == 'TeacherMix'
        self.slots_of = {
            kind: (kind,) if self.mixed else (f'{kind}_image', f'{kind}_text') for kind in kinds
        }
        self.mixes: dict[str, TeacherMix] = {}
        self.inner: dict[str, TermWeights] = {}
        for kind, slots in self.slots_of.items():
            if self.mixed:
                options = {key: value for key, value in within.items() if key != 'type'}
                self.mixes[kind] = TeacherMix(**options)
            else:
                self.inner[kind] = build_term_weights(within, slots, 1.0, 'within', ['TeacherMix'])
        self.within = nn.ModuleDict({**self.mixes, **self.inner})
        self.across: TermWeights | None = None
        if len(kinds) == 2:
            self.across = build_term_weights(across, tuple(kinds), 2.0, 'across')

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the weighted relation values."""
        return tuple(slot for slots in self.slots_of.values() for slot in slots)

    def forward(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Weights of the slots.

        Args:
            like (Tensor): Gives dtype and device.

        Returns:
            tuple[Tensor, Tensor]: Weight of each slot, and what each slot adds to the loss beside its
            value (uncertainty weights), both ``(K,)``.
        """
        factors = like.new_ones(len(self.kinds))
        penalties = like.new_zeros(len(self.kinds))
        if self.across is not None:
            factors, penalties = (values.to(like) for values in self.across())
        weights, extra = [], []
        for number, (kind, weight) in enumerate(self.kinds.items()):
            inner, added = like.new_ones(1), like.new_zeros(1)
            if kind in self.inner:
                inner, added = (values.to(like) for values in self.inner[kind]())
            weights.append(weight * factors[number] * inner)
            # A slot whose own weight is exp(-s) has the variance s + s_across, and pays for both;
            # else the kind as a whole has one variance and pays once.
            nested = isinstance(self.inner.get(kind), UncertaintyWeights)
            share = penalties[number] if nested else penalties[number] / len(added)
            extra.append(weight * (added + share))
        return torch.cat(weights), torch.cat(extra)

    def alphas(self, image: Tensor, text: Tensor) -> Tensor:
        """Weight of the image teacher in the mixtures.

        Args:
            image (Tensor): ``(n, D)`` normalised rows of the samples with both modalities.
            text (Tensor): ``(n, D)`` likewise.

        Returns:
            Tensor: ``(2, n)`` of intra and cross; zeros for a kind that does not mix.
        """
        silent = image.new_zeros(len(image))
        rows = [
            self.mixes[kind](image, text).to(image) if kind in self.mixes else silent
            for kind in ('intra', 'cross')
        ]
        return torch.stack(rows)

    @torch.no_grad()
    def observe(self, values: dict[str, Tensor]) -> None:
        """Show the unweighted slots of a training step to the weights that keep running means."""
        totals = []
        for kind, slots in self.slots_of.items():
            terms = torch.stack([values[slot] for slot in slots])
            if kind in self.inner:
                totals.append(torch.dot(self.inner[kind]()[0].to(terms), terms))
                self.inner[kind].observe(terms)
            else:
                totals.append(terms[0])
        if self.across is not None:
            self.across.observe(torch.stack(totals))

    def state(self) -> dict[str, Tensor]:
        """Scalars to log, named ``weight_...``."""
        state = {}
        if self.across is not None:
            state.update({f'weight_{name}': value for name, value in self.across.state().items()})
        for terms in self.inner.values():
            state.update({f'weight_{name}': value for name, value in terms.state().items()})
        for kind, mix in self.mixes.items():
            state.update({f'weight_{kind}_{name}': value for name, value in mix.state().items()})
        return state
