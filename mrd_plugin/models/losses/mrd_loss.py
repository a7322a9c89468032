"""The loss of MRD: alignment, intra relations and cross relations with dynamic weights."""

from __future__ import annotations

import torch
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.losses.align_loss import AlignLoss, OrderedBatch, align_log
from mrd_plugin.models.losses.blockwise import Plan, blockwise_loss
from mrd_plugin.models.losses.relation import NormalisedRelation, RawRelation
from mrd_plugin.models.losses.relation_weights import RelationWeights
from mrd_plugin.models.losses.teacher_weights import AgreementWeights
from mrd_plugin.models.losses.terms import Relation, RelationTerm, cross_terms, intra_terms
from mrd_plugin.utils import ConfigError

_DISTANCES = ('jeffrey', 'kl', 'smooth_l1', 'mse')


@MODELS.register_module()
class MRDLoss(AlignLoss):
    """Multi-modal Relation Distillation (Wang et al., ECCV 2024, arXiv 2407.14007).

    ``loss = L_align + w_intra v_intra L_intra + w_cross v_cross L_cross``. The factors ``v`` come from
    ``across``; inside each kind ``within`` joins the image's and the text's relations, either as
    a weighted mean of two terms or, with :class:`TeacherMix`, as one mixed teacher. With both
    ``w_intra`` and ``w_cross`` zero this is :class:`AlignLoss`, bit for bit and at its cost. The
    formulas and what of them is INTERPRETATION: docs/mrd_loss.md.

    Args:
        w_intra (float): Weight of the relations within a modality, >= 0.
        w_cross (float): Weight of the relations between modalities, >= 0.
        distance (str): 'jeffrey' or 'kl' between normalised similarities, 'smooth_l1' or 'mse'
            between raw ones.
        symmetric_scale (float): Factor of the Jeffrey divergence; some texts use 0.5.
        tau_intra (float): Temperature of intra relations (normalised similarities only).
        tau_cross (float | str): Temperature of cross relations; 'logit_scale' follows
            1 / logit scale of the modality in the student's relation, without gradient.
        tau_intra_teacher (float | None): Teacher's own temperature; None takes ``tau_intra``.
        tau_cross_teacher (float | None): Teacher's own temperature; None takes ``tau_cross``.
        transposed_cross (bool): Also compare cross relations with points as the columns.
        within (dict): TeacherMix, FixedWeights, LossLevelSoftmax or UncertaintyWeights between image
            and text, made once for each kind.
        across (dict): FixedWeights, LossLevelSoftmax or UncertaintyWeights between the kinds; made
            only if both kinds have a weight.
        agreement (dict | None): Options of :class:`AgreementWeights`; None weights rows equally.
        **kwargs: Options of :class:`AlignLoss`.
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
        _check_tau('tau_intra', tau_intra)
        if tau_intra_teacher is not None:
            _check_tau('tau_intra_teacher', tau_intra_teacher)
        if tau_cross != 'logit_scale':
            _check_tau('tau_cross', tau_cross)
        if tau_cross_teacher is not None:
            _check_tau('tau_cross_teacher', tau_cross_teacher)
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

    def _loss(self, batch: OrderedBatch, scales: Tensor) -> dict[str, Tensor]:
        if not self.weights.kinds:
            return super()._loss(batch, scales)
        plan = Plan(
            batch.order,
            ('align_image', 'align_text', *self.weights.slots),
            tuple(self._terms(scales.detach())),
            self._row_weights(batch),
            self.mask_duplicates,
            self.block_size,
        )
        weights, extra = self.weights(batch.points)
        weights = torch.cat([self._align_weights(batch.points), weights])
        result = blockwise_loss(
            batch.points, batch.image, batch.text, scales, weights, self._alphas(batch), plan
        )
        values = result.values[2:]
        if self.training:
            self.weights.observe(dict(zip(self.weights.slots, values)))
        # A term without samples must not move its own weight.
        loss = result.loss + torch.where(values > 0, extra, 0.0).sum()
        log = {'loss': loss, **align_log(result)}
        for number, slot in enumerate(plan.slots[2:], 2):
            log[slot] = result.values[number]
            if self.distance in ('jeffrey', 'kl'):
                log[f'{slot}_entropy_teacher'] = result.entropy_teacher[number]
                log[f'{slot}_entropy_student'] = result.entropy_student[number]
        log.update(self.weights.state())
        if self.agreement is not None:
            log.update({f'agreement_{key}': value for key, value in self.agreement.state().items()})
        return log

    def _relation(self, student: float | Tensor, teacher: float | Tensor) -> Relation:
        if self.distance == 'jeffrey':
            scale = self.symmetric_scale
            return NormalisedRelation(scale, scale, student, teacher)
        if self.distance == 'kl':
            return NormalisedRelation(1.0, 0.0, student, teacher)
        return RawRelation(squared=self.distance == 'mse')

    def _terms(self, scales: Tensor) -> list[RelationTerm]:
        terms = []
        if 'intra' in self.weights.kinds:
            terms += intra_terms(self._relation(*self.tau_intra), self.weights.mixed)
        if 'cross' in self.weights.kinds:
            over_text, over_images = self._cross_relations(scales)
            terms += cross_terms(over_text, over_images, self.weights.mixed, self.transposed_cross)
        return terms

    def _cross_relations(self, scales: Tensor) -> tuple[Relation, Relation]:
        """How rows over texts and rows over images are compared."""
        if isinstance(self.tau_cross, str):
            image_tau, text_tau = 1 / scales
            return (
                self._relation(text_tau, self.tau_cross_teacher or text_tau),
                self._relation(image_tau, self.tau_cross_teacher or image_tau),
            )
        relation = self._relation(self.tau_cross, self.tau_cross_teacher or self.tau_cross)
        return relation, relation

    def _both(self, batch: OrderedBatch) -> tuple[slice, Tensor, Tensor]:
        """Range of the samples with both modalities, and their image and text rows."""
        start, stop = batch.order.span('both')
        offset = batch.order.span('text')[0]
        return (
            slice(start, stop),
            batch.image[start:stop],
            batch.text[start - offset : stop - offset],
        )

    def _row_weights(self, batch: OrderedBatch) -> Tensor | None:
        both, image, text = self._both(batch)
        if self.agreement is None or len(image) < 3:
            return None
        weights = batch.points.new_ones(len(batch.points))
        weights[both] = self.agreement(image, text, self.block_size)
        return weights

    def _alphas(self, batch: OrderedBatch) -> Tensor:
        alphas = batch.points.new_zeros(2, len(batch.points))
        if self.weights.mixed:
            both, image, text = self._both(batch)
            alphas[:, both] = self.weights.alphas(image, text)
        return alphas


def _check_tau(name: str, tau: float | str) -> None:
    if isinstance(tau, str) or tau <= 0:
        raise ConfigError(f'{name}={tau!r}: a temperature must be a number above 0.')
