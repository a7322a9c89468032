"""MRD: multi-modal relation distillation (Wang et al., ECCV 2024, arXiv 2407.14007).

The batch is a graph. Alignment ties each shape to its own image and text; MRD asks in addition that
the *relations* between shapes be those between their images and between their texts (intra), and
that a shape relate to the texts as its image does and to the images as its text does (cross). With
points P, images I and texts T of a batch, relations psi within a modality and phi between two, and
a divergence D,

    L_align = 1/2 InfoNCE(P, I) + 1/2 InfoNCE(P, T)
    L_intra = D(psi(I), psi(P)) joined with D(psi(T), psi(P))
    L_cross = D(phi(I, T), phi(P, T)) joined with D(phi(T, I), phi(P, I))
    L       = L_align + w_intra v_intra L_intra + w_cross v_cross L_cross

The weights between modalities and between kinds of relation are learnt (``weighting.py``).
``docs/methods/mrd.md`` says which of this no source states.
"""

from __future__ import annotations

import torch
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.methods.base_shape import TripletPretrainer
from mrd_plugin.methods.contrast.align_loss import AlignLoss, align_log
from mrd_plugin.methods.contrast.blockwise import blockwise_loss
from mrd_plugin.methods.contrast.plan import Plan, RelationTerm
from mrd_plugin.methods.contrast.triplets import OrderedBatch
from mrd_plugin.methods.mrd import formulas
from mrd_plugin.methods.mrd.relations import cross_terms, intra_terms, make_relation
from mrd_plugin.methods.mrd.teacher_weights import AgreementWeights
from mrd_plugin.methods.mrd.weighting import RelationWeights
from mrd_plugin.utils.errors import ConfigError

_DISTANCES = ('jeffrey', 'kl', 'smooth_l1', 'mse')


@MODELS.register_module()
class MRD(TripletPretrainer):
    """Alignment plus relation distillation; with both relation weights at zero, ``ShapeAligner``.

    Args:
        loss: ``MRDLoss`` and its options. Defaults to ``MRDLoss`` as it is.
        **kwargs: See :class:`TripletPretrainer`.
    """

    def __init__(self, *args, loss: dict | None = None, **kwargs) -> None:
        super().__init__(*args, loss=loss or dict(type='MRDLoss'), **kwargs)


@MODELS.register_module()
class MRDLoss(AlignLoss):
    """The loss of MRD. With both relation weights zero it is :class:`AlignLoss`, bit for bit.

    Args:
        w_intra: Weight of the relations within a modality, >= 0.
        w_cross: Weight of the relations between modalities, >= 0.
        distance: 'jeffrey' or 'kl' between normalised similarities, 'smooth_l1' or 'mse' between
            raw ones.
        symmetric_scale: Factor of the Jeffrey divergence; some texts use 0.5.
        tau_intra: Temperature of intra relations (normalised similarities only).
        tau_cross: Temperature of cross relations; 'logit_scale' follows 1 / logit scale of the
            modality in the student's relation, without gradient.
        tau_intra_teacher: Teacher's own temperature; None takes ``tau_intra``.
        tau_cross_teacher: Teacher's own temperature; None takes ``tau_cross``.
        transposed_cross: Also compare cross relations with points as the columns.
        within: TeacherMix, FixedWeights, LossLevelSoftmax or UncertaintyWeights between image and
            text, made once for each kind. TeacherMix makes one mixed teacher, the others weight two
            terms.
        across: FixedWeights, LossLevelSoftmax or UncertaintyWeights between the kinds; made only if
            both kinds have a weight.
        agreement: Options of :class:`AgreementWeights`; None weights rows equally.
        **kwargs: Options of :class:`AlignLoss`. ``block_size=None`` computes :meth:`terms` as it is
            written, on whole matrices by autograd.

    Examples:
        >>> import torch
        >>> from mrd_plugin.methods.contrast.triplets import Triplets
        >>> generator = torch.Generator().manual_seed(0)
        >>> points, image, text = torch.randn(3, 8, 16, generator=generator)
        >>> known = torch.ones(8, dtype=torch.bool)
        >>> batch = Triplets(points.requires_grad_(), image, text, known, known)
        >>> scale = torch.tensor(14.3)
        >>> loss = MRDLoss(w_intra=1.0, w_cross=1.0)(batch, scale, scale)
        >>> sorted(name for name in loss if name in ('align_image', 'align_text', 'intra', 'cross'))
        ['align_image', 'align_text', 'cross', 'intra']
        >>> loss['loss'].backward()
        >>> points.grad.shape
        torch.Size([8, 16])

        Without relations it is the alignment of ``AlignLoss``:

        >>> plain = MRDLoss(w_intra=0.0, w_cross=0.0)(batch, scale, scale)
        >>> bool(plain['loss'] == AlignLoss()(batch, scale, scale)['loss'])
        True
    """

    def __init__(
        self,
        w_intra: float = 1.0,
        w_cross: float = 1.0,
        distance: str = 'jeffrey',
        symmetric_scale: float = 1.0,
        tau_intra: float = 0.1,
        tau_cross: float | str = 0.1,
        tau_intra_teacher: float | None = None,
        tau_cross_teacher: float | None = None,
        transposed_cross: bool = False,
        within: dict | None = None,
        across: dict | None = None,
        agreement: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if distance not in _DISTANCES:
            raise ConfigError(
                f'distance={distance!r}: unknown; use one of {", ".join(_DISTANCES)}.'
            )
        for name, tau in (
            ('tau_intra', tau_intra),
            ('tau_intra_teacher', tau_intra_teacher),
            ('tau_cross', None if tau_cross == 'logit_scale' else tau_cross),
            ('tau_cross_teacher', tau_cross_teacher),
        ):
            if tau is not None and (isinstance(tau, str) or tau <= 0):
                raise ConfigError(f'{name}={tau!r}: a temperature must be a number above 0.')
        for name, weight in (('w_intra', w_intra), ('w_cross', w_cross)):
            if weight < 0:
                raise ConfigError(f'{name}={weight}: must be 0 or more.')
        self.distance = distance
        self.symmetric_scale = symmetric_scale
        self.tau_intra = (tau_intra, tau_intra_teacher or tau_intra)
        self.tau_cross = tau_cross
        self.tau_cross_teacher = tau_cross_teacher
        self.transposed_cross = transposed_cross
        kinds = {'intra': w_intra, 'cross': w_cross}
        self.weights = RelationWeights(
            {kind: weight for kind, weight in kinds.items() if weight},
            dict(within or dict(type='TeacherMix')),
            dict(across or dict(type='LossLevelSoftmax')),
        )
        self.agreement = None if agreement is None else AgreementWeights(**agreement)

    def terms(self, batch: OrderedBatch, scales: Tensor) -> dict[str, Tensor]:
        """All terms, unweighted, on whole matrices.

        Args:
            batch: Unit rows of all ranks.
            scales: ``(2,)`` logit scales of image and text.

        Returns:
            A scalar for each slot: two of alignment, one or two of each kind of relation.
        """
        terms = self.align_terms(batch, scales)
        alphas, row_weights = self._alphas(batch), self._row_weights(batch)
        if row_weights is None:
            row_weights = torch.ones_like(alphas[0])
        if 'intra' in self.weights.kinds:
            terms.update(self._intra(batch, alphas[0], row_weights))
        if 'cross' in self.weights.kinds:
            terms.update(
                self._cross(batch, self.cross_taus(scales.detach()), alphas[1], row_weights)
            )
        return terms

    def _intra(self, batch: OrderedBatch, alpha: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """Relations among the points follow those among the images and among the texts."""

        def distances(samples: str, *teachers: str) -> Tensor:
            start, stop = batch.order.span(samples)
            p, i, t = batch.of(samples)
            if len(p) < 3:
                return p.sum(1) * 0
            known = dict(image=i, text=t)
            sims = [known[teacher] @ known[teacher].T for teacher in teachers]
            rows = self._distance(p @ p.T, sims, alpha[start:stop], self.tau_intra, own=False)
            return rows * weights[start:stop]

        image, text = distances('image', 'image'), distances('text', 'text')
        if not self.weights.mixed:
            return dict(intra_image=_mean(image), intra_text=_mean(text))
        # A sample with one modality follows the relations of that modality.
        order = batch.order
        mixed = distances('both', 'image', 'text')
        return dict(intra=_mean(torch.cat([image[: order.image_only], mixed, text[order.both :]])))

    def _cross(
        self, batch: OrderedBatch, taus: dict, alpha: Tensor, weights: Tensor
    ) -> dict[str, Tensor]:
        """Compare how points and images relate to the texts, and points and texts to the images."""
        start, stop = batch.order.span('both')
        p, i, t = batch.of('both')
        follows = [('cross_image', p @ t.T, i @ t.T), ('cross_text', p @ i.T, t @ i.T)]
        if self.transposed_cross:
            follows += [('cross_text', i @ p.T, i @ t.T), ('cross_image', t @ p.T, t @ i.T)]
        found: dict[str, list[Tensor]] = {}
        for slot, student, teacher in follows:
            # Column j is the same sample among texts and among images, so the two can be mixed.
            teachers = [i @ t.T, t @ i.T] if self.weights.mixed else [teacher]
            if len(p) < 2:
                rows = student.sum(1) * 0
            else:
                rows = self._distance(student, teachers, alpha[start:stop], taus[slot], own=True)
            slot = 'cross' if self.weights.mixed else slot
            found.setdefault(slot, []).append(_mean(rows * weights[start:stop]))
        return {slot: torch.stack(values).mean() for slot, values in found.items()}

    def _distance(
        self, student: Tensor, teachers: list[Tensor], alpha: Tensor, taus: tuple, own: bool
    ) -> Tensor:
        """Distance ``(n,)`` of student relations from one teacher's, or from two mixed ones."""
        alpha = alpha[:, None]
        if self.distance in ('smooth_l1', 'mse'):
            image, text = teachers[0], teachers[-1]
            return formulas.raw_distance(
                student, text + alpha * (image - text), self.distance == 'mse', own
            )
        relation = formulas.phi if own else formulas.psi
        log_p, *more = (relation(sim, taus[1]) for sim in teachers)
        if more:
            log_p = formulas.mix(log_p, more[0], alpha)
        log_q = relation(student, taus[0])
        if self.distance == 'kl':
            return formulas.kl(log_p, log_q)
        return self.symmetric_scale * formulas.jeffrey(log_p, log_q)

    def cross_taus(self, scales: Tensor) -> dict[str, tuple[float | Tensor, float | Tensor]]:
        """Temperatures of student and teacher in the cross relations of each slot."""
        if isinstance(self.tau_cross, str):
            over_images, over_texts = 1 / scales
            taus = dict(cross_image=over_texts, cross_text=over_images)
        else:
            taus = dict(cross_image=self.tau_cross, cross_text=self.tau_cross)
        return {slot: (tau, self.tau_cross_teacher or tau) for slot, tau in taus.items()}

    def _loss(self, batch: OrderedBatch, scales: Tensor) -> dict[str, Tensor]:
        if not self.weights.kinds:
            return super()._loss(batch, scales)
        if self.block_size is None:
            terms = self.terms(batch, scales)
            weights, extra = self._weights(batch.points)
            loss = torch.dot(weights, torch.stack([terms[slot] for slot in self.slots]))
            log = {slot: value.detach() for slot, value in terms.items()}
        else:
            weights, extra = self._weights(batch.points)
            loss, log = self._blockwise(batch, scales, weights)
        values = torch.stack([log[slot] for slot in self.weights.slots])
        if self.training:
            self.weights.observe(dict(zip(self.weights.slots, values)))
        # A term without samples must not move its own weight.
        loss = loss + torch.where(values > 0, extra, 0.0).sum()
        log.update(self.weights.state())
        if self.agreement is not None:
            log.update({f'agreement_{key}': value for key, value in self.agreement.state().items()})
        return {'loss': loss, **log}

    def _blockwise(
        self, batch: OrderedBatch, scales: Tensor, weights: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the same terms in row blocks, with their gradients in closed form."""
        terms: list[RelationTerm] = []
        options = (self.distance, self.symmetric_scale)
        if 'intra' in self.weights.kinds:
            terms += intra_terms(make_relation(*options, *self.tau_intra), self.weights.mixed)
        if 'cross' in self.weights.kinds:
            taus = self.cross_taus(scales.detach())
            # One relation for one pair of temperatures: its mixed teacher rows are made once.
            made = {pair: make_relation(*options, *pair) for pair in taus.values()}
            relations = {slot: made[pair] for slot, pair in taus.items()}
            terms += cross_terms(
                **relations, mixed=self.weights.mixed, transposed=self.transposed_cross
            )
        assert self.block_size is not None
        row_weights = self._row_weights(batch)
        plan = Plan(self.slots, tuple(terms), row_weights, self.mask_duplicates, self.block_size)
        result = blockwise_loss(batch, scales, weights, self._alphas(batch), plan)
        log = align_log(result)
        for number, slot in enumerate(self.weights.slots, 2):
            log[slot] = result.values[number]
            if self.distance in ('jeffrey', 'kl'):
                log[f'{slot}_entropy_teacher'] = result.entropy_teacher[number]
                log[f'{slot}_entropy_student'] = result.entropy_student[number]
        return result.loss, log

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the weighted terms, those of alignment first."""
        return ('align_image', 'align_text', *self.weights.slots)

    def _weights(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Weights of all slots, and what each relation slot adds beside its value."""
        weights, extra = self.weights(like)
        return torch.cat([self._align_weights(like), weights]), extra

    def _row_weights(self, batch: OrderedBatch) -> Tensor | None:
        _, image, text = batch.of('both')
        if self.agreement is None or len(image) < 3:
            return None
        weights = batch.points.new_ones(len(batch.points))
        both = slice(*batch.order.span('both'))
        weights[both] = self.agreement(image, text, self.block_size or len(image))
        return weights

    def _alphas(self, batch: OrderedBatch) -> Tensor:
        alphas = batch.points.new_zeros(2, len(batch.points))
        if self.weights.mixed:
            _, image, text = batch.of('both')
            alphas[:, slice(*batch.order.span('both'))] = self.weights.alphas(image, text)
        return alphas


def _mean(rows: Tensor) -> Tensor:
    """Mean of rows; exactly zero, with its graph intact, if there are none."""
    return rows.sum() / max(len(rows), 1)
