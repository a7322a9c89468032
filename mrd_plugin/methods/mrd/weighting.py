"""Dynamic weights of terms: fixed, softmax over scores (D1), uncertainty (D3); how they combine.

:class:`RelationWeights` has one module inside each relation kind and one across kinds. The sources
on MRD say that weights are adjusted while it trains and not how; each class here, and in
``teacher_weights.py``, is one INTERPRETATION.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mrd_plugin.methods.mrd.teacher_weights import TeacherMix
from mrd_plugin.utils.errors import ConfigError


class TermWeights(nn.Module):
    """Weights of ``K`` named terms; the base of the three ways to make them.

    Args:
        names: The terms.
        total: Sum of the weights at the start.
    """

    def __init__(self, names: Sequence[str], total: float) -> None:
        super().__init__()
        self.names = tuple(names)
        self.total = total

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return the weights ``(K,)`` and what each term adds beside its value, ``(K,)``."""
        raise NotImplementedError

    def observe(self, values: Tensor) -> None:
        """See the unweighted terms ``(K,)`` of a training step; the default ignores them."""

    def state(self) -> dict[str, Tensor]:
        """Scalars to log: the weight of each term."""
        with torch.no_grad():
            return dict(zip(self.names, self.forward()[0].unbind()))


class FixedWeights(TermWeights):
    """The same weights throughout.

    What it can learn: nothing. Known failure: a term that is larger by nature rules the sum.

    Args:
        names: The terms.
        total: Sum of the weights if ``values`` is not given.
        values: The weights; None shares ``total`` equally.
    """

    values: Tensor

    def __init__(
        self, names: Sequence[str], total: float, values: Sequence[float] | None = None
    ) -> None:
        super().__init__(names, total)
        if values is None:
            values = [total / len(self.names)] * len(self.names)
        if len(values) != len(self.names):
            raise ConfigError(
                f'FixedWeights(values={list(values)}): {len(self.names)} values are needed, one '
                f'each for {", ".join(self.names)}; give that many.'
            )
        self.register_buffer('values', torch.tensor(values, dtype=torch.float32), persistent=False)

    def forward(self) -> tuple[Tensor, Tensor]:
        """See :class:`TermWeights`."""
        return self.values, torch.zeros_like(self.values)


class LossLevelSoftmax(TermWeights):
    """D1: one learnable scalar per term, ``w = floor + (total - K floor) softmax(s)``.

    What it can learn: with ``common_scale`` each term is first divided by its own running mean (and
    multiplied by the mean of these means), so that the scalars see *relative* progress: weight
    moves to the term that falls faster at the moment. Without it the gradient simply favours the
    smaller term, and the weights run to their bounds, as a prototype saw. Known failure: it never
    prefers the harder term; the floor is what keeps that term alive.

    Args:
        names: The terms.
        total: Sum of the weights, kept at every step (before the common scale).
        floor: Smallest weight of a term, in [0, total / K).
        common_scale: Divide each term by its running mean first.
        momentum: Share of the old running mean kept at each step, in [0, 1).
    """

    mean: Tensor

    def __init__(
        self,
        names: Sequence[str],
        total: float,
        floor: float = 0.1,
        common_scale: bool = True,
        momentum: float = 0.99,
    ) -> None:
        super().__init__(names, total)
        if not 0 <= floor < total / len(self.names):
            raise ConfigError(
                f'LossLevelSoftmax(floor={floor}): must lie in [0, {total / len(self.names):g}), '
                f'the weight that each of {len(self.names)} terms starts with.'
            )
        self.floor = floor
        self.common_scale = common_scale
        self.momentum = momentum
        self.scores = nn.Parameter(torch.zeros(len(self.names)))
        self.register_buffer('mean', torch.zeros(len(self.names)))

    def forward(self) -> tuple[Tensor, Tensor]:
        """See :class:`TermWeights`."""
        weights = self._shares()
        if self.common_scale:
            seen = self.mean > 0
            level = self.mean.sum() / seen.sum().clamp_min(1)
            factors = torch.where(seen, level / self.mean.clamp_min(1e-12), 1.0)
            # Before every term has a mean, sizes can't be compared: the scores wait.
            weights = factors * torch.where(seen.all(), weights, weights.detach())
        return weights, torch.zeros_like(weights)

    def _shares(self) -> Tensor:
        spread = self.total - len(self.names) * self.floor
        return self.floor + spread * torch.softmax(self.scores, 0)

    def observe(self, values: Tensor) -> None:
        """Update the running means; a term that is zero (no text in the batch) is passed over."""
        moved = torch.lerp(values.to(self.mean), self.mean, self.momentum)
        moved = torch.where(self.mean > 0, moved, values.to(self.mean))
        self.mean.copy_(torch.where(values > 0, moved, self.mean))

    def state(self) -> dict[str, Tensor]:
        """Scalars to log: the weight of each term before the common scale, and its running mean."""
        with torch.no_grad():
            state = dict(zip(self.names, self._shares().unbind()))
            if self.common_scale:
                state.update({f'{name}_mean': mean for name, mean in zip(self.names, self.mean)})
        return state


class UncertaintyWeights(TermWeights):
    """D3: ``sum_k exp(-s_k) L_k + s_k`` with learnable ``s`` (Kendall et al. 2018).

    What it can learn: each term's level; at rest ``exp(-s_k) = 1 / L_k``, so every term pulls with
    the same relative force whatever its scale. It cannot collapse to one term.
    Known failure: as a term goes to zero its weight grows without end, hence ``max_weight``.

    Args:
        names: The terms.
        total: Sum of the weights at the start.
        max_weight: Upper bound of a weight, kept by moving ``s`` back onto it.
    """

    def __init__(self, names: Sequence[str], total: float, max_weight: float = 10.0) -> None:
        super().__init__(names, total)
        start = math.log(len(self.names) / total)
        self.log_variance = nn.Parameter(torch.full((len(self.names),), start))
        self.lowest = -math.log(max_weight)

    def forward(self) -> tuple[Tensor, Tensor]:
        """See :class:`TermWeights`."""
        if self.training:
            with torch.no_grad():
                self.log_variance.clamp_(min=self.lowest)
        return torch.exp(-self.log_variance), self.log_variance


_TERM_WEIGHTS = {cls.__name__: cls for cls in (FixedWeights, LossLevelSoftmax, UncertaintyWeights)}


def build_term_weights(
    cfg: dict, names: Sequence[str], total: float, key: str, others: Sequence[str] = ()
) -> TermWeights:
    """Make the term weights that a config names.

    Args:
        cfg: ``type`` (a class of this file) and its own options.
        names: The terms to weight.
        total: Sum of the weights at the start.
        key: Config key, for the error message.
        others: Types that the caller handles itself, for the error message.

    Returns:
        The module.

    Raises:
        ConfigError: If the type is unknown.
    """
    options = dict(cfg)
    kind = options.pop('type', None)
    if kind not in _TERM_WEIGHTS:
        known = ', '.join(sorted([*_TERM_WEIGHTS, *others]))
        raise ConfigError(f'{key}=dict(type={kind!r}): unknown; use one of {known}.')
    return _TERM_WEIGHTS[kind](names, total, **options)


class RelationWeights(nn.Module):
    """Weights of all relation slots: ``fixed weight x across kinds x within the kind``.

    Args:
        kinds: Fixed weight > 0 of 'intra', 'cross' or both.
        within: Config of what joins image and text inside a kind: TeacherMix, which leaves one slot
            a kind, or term weights, which leave two.
        across: Config of the term weights between the kinds; used if there are two.
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
            like: Gives dtype and device.

        Returns:
            Weight of each slot, and what each slot adds to the loss beside its value (uncertainty
            weights), both ``(K,)``.
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
            image: ``(n, D)`` normalised rows of the samples with both modalities.
            text: ``(n, D)`` likewise.

        Returns:
            ``(2, n)`` of intra and cross; zeros for a kind that does not mix.
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
