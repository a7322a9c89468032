"""The whole alignment and relation loss, block of rows by block of rows, as one autograd node.

The forward pass computes the loss *and* its gradients in closed form, so that nothing of size
batch x batch is ever kept: for each block of rows it

1. makes every similarity block that some term needs, once;
2. goes over it strip by strip and adds up each term's gradient by those similarities;
3. pushes the sum through one matrix product per similarity block into the gradient of the points.

The backward pass multiplies by the gradient that arrives. A first pass over the point-teacher
similarities collects the column log-sum-exps of InfoNCE. Peak memory beside the inputs is a few
``(block, n)`` buffers and one gradient of the size of the points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, zeros_like
from torch.autograd.function import once_differentiable

from mrd_plugin.methods.contrast.info_nce import (
    column_log_sum_exp,
    contrastive_logits,
    contrastive_rows,
    duplicate_groups,
)
from mrd_plugin.methods.contrast.plan import BlockwiseValues, Plan, RelationTerm, TeacherRows
from mrd_plugin.methods.contrast.triplets import OrderedBatch, RowBlock, SampleOrder

_COLUMNS = {'p': 'all', 'i': 'image', 't': 'text'}


class SimilarityBlock:
    """Similarities of one block of rows, each made on first use, and the gradients by them.

    A pair names the modalities of rows and columns: 'p' points, 'i' image, 't' text.

    Args:
        features: All rows ``(n_m, D)`` of each modality, normalised.
        order: Which samples these rows belong to.
        rows: The block.
    """

    def __init__(self, features: dict[str, Tensor], order: SampleOrder, rows: RowBlock) -> None:
        self.features = features
        self.order = order
        self.rows = rows
        self.sims: dict[str, Tensor] = {}
        self.grads: dict[str, Tensor] = {}

    def _own_rows(self, modality: str) -> Tensor:
        offset = self.order.span(_COLUMNS[modality])[0]
        return self.features[modality][self.rows.start - offset : self.rows.stop - offset]

    def _columns(self, pair: str, samples: str) -> slice:
        offset = self.order.span(_COLUMNS[pair[1]])[0]
        start, stop = self.order.span(samples)
        return slice(start - offset, stop - offset)

    def sim(self, pair: str, strip: RowBlock, samples: str | None = None) -> Tensor:
        """View of a strip's similarities with all columns of a modality, or with some samples'."""
        if pair not in self.sims:
            self.sims[pair] = self._own_rows(pair[0]) @ self.features[pair[1]].T
        sim = self.sims[pair][strip.start - self.rows.start : strip.stop - self.rows.start]
        return sim if samples is None else sim[:, self._columns(pair, samples)]

    def add_grad(self, pair: str, strip: RowBlock, grad: Tensor, samples: str) -> None:
        """Add a strip's gradient by the columns of ``samples``."""
        if pair not in self.grads:
            self.grads[pair] = zeros_like(self.sims[pair])
        rows = self.grads[pair][strip.start - self.rows.start : strip.stop - self.rows.start]
        rows[:, self._columns(pair, samples)] += grad

    def push(self, grad_points: Tensor) -> None:
        """Carry the gradients by similarities over to the points."""
        own = slice(self.rows.start, self.rows.stop)
        for pair, grad in self.grads.items():
            if pair[0] == 'p':
                grad_points[own].addmm_(grad, self.features[pair[1]])
            if pair[1] == 'p':
                grad_points.addmm_(grad.T, self._own_rows(pair[0]))


# Matrix products want tall blocks; the softmaxes and sums over them are fastest on as many rows as
# stay in the processor's cache.
_STRIP = 64

_CONTRASTIVE = (('align_image', 'pi', 'image'), ('align_text', 'pt', 'text'))


def blockwise_loss(
    batch: OrderedBatch, scales: Tensor, weights: Tensor, alphas: Tensor, plan: Plan
) -> BlockwiseValues:
    """Weighted sum of the alignment and relation terms.

    Args:
        batch: Gradient of the points.
        scales: ``(2,)`` logit scales of image and text. Gradient.
        weights: ``(K,)`` weight of each slot. Gradient (the slot's value).
        alphas: ``(2, n)`` weight of the image teacher in the intra and cross mixtures, by row, in
            [0, 1]; not read where no term mixes. Gradient.
        plan: What to compute.

    Returns:
        The loss and what is worth logging.
    """
    outputs = _Blockwise.apply(
        *(batch.points, scales, weights, alphas, batch.image, batch.text, batch.order, plan),
        torch.is_grad_enabled(),
    )
    return BlockwiseValues(*outputs)


class _Blockwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, points, scales, weights, alphas, image, text, order, plan, grad_enabled):
        features = {'p': points, 'i': image, 't': text}
        want_grad = grad_enabled and any(ctx.needs_input_grad)
        run = _Run(features, order, scales, weights, alphas, plan, want_grad)
        run.all_blocks()
        values = run.values.sum(1)
        logged = (values, run.entropy_teacher.sum(1), run.entropy_student.sum(1), run.match.sum(1))
        ctx.save_for_backward(run.grad_points, run.grad_scales.sum(1), values, run.grad_alphas)
        ctx.mark_non_differentiable(*logged)
        return (torch.dot(weights, values), *logged)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_loss, *_):
        grads = [saved * grad_loss for saved in ctx.saved_tensors]
        return (*grads, None, None, None, None, None)


class _Run:
    """One evaluation. Per-row results are kept in ``(slot, row)`` tables and summed at the end."""

    def __init__(self, features, order, scales, weights, alphas, plan: Plan, want_grad) -> None:
        self.features = features
        self.order: SampleOrder = order
        self.scales = scales
        self.weights = weights
        self.alphas = alphas
        self.plan = plan
        self.want_grad = want_grad
        points = features['p']
        rows = len(points)
        self.values = points.new_zeros(len(plan.slots), rows)
        self.entropy_teacher = torch.zeros_like(self.values)
        self.entropy_student = torch.zeros_like(self.values)
        self.match = points.new_zeros(2, rows)
        self.grad_points = torch.zeros_like(points) if want_grad else points.new_empty(0)
        self.grad_scales = points.new_zeros(2, rows)
        self.grad_alphas = torch.zeros_like(alphas)
        # A mixed teacher and its stand-ins for samples with one modality share a slot's mean.
        self.slot_rows = {slot: 0 for slot in plan.slots}
        for rows_of in {(term.slot, term.rows) for term in plan.terms}:
            self.slot_rows[rows_of[0]] += order.count(rows_of[1])
        self.target: tuple[tuple, TeacherRows] | None = None
        self.groups = {}
        self.column_lse = {}
        for _, pair, samples in _CONTRASTIVE:
            if order.count(samples):
                teacher = features[pair[1]]
                self.groups[pair] = duplicate_groups(teacher) if plan.mask_duplicates else None
                self.column_lse[pair] = column_log_sum_exp(self._logit_blocks(pair, samples))

    def _scale(self, pair: str) -> Tensor:
        return self.scales[0 if pair == 'pi' else 1]

    def _logit_blocks(self, pair: str, samples: str) -> Iterator[Tensor]:
        start, stop = self.order.span(samples)
        for first in range(start, stop, self.plan.block_size):
            rows = self.features['p'][first : min(first + self.plan.block_size, stop)]
            sim = rows @ self.features[pair[1]].T
            yield contrastive_logits(sim, self._scale(pair), self.groups[pair], first - start)

    def all_blocks(self) -> None:
        for rows in self.order.blocks(self.plan.block_size):
            block = SimilarityBlock(self.features, self.order, rows)
            for strip in rows.strips(_STRIP):
                if rows.has_image:
                    self._contrast(block, strip, 0)
                if rows.has_text:
                    self._contrast(block, strip, 1)
                self.target = None
                for term in self.plan.terms:
                    first, last = self.order.span(term.rows)
                    if first <= rows.start and rows.stop <= last:
                        self._relate(block, strip, term)
            if self.want_grad:
                block.push(self.grad_points)

    def _contrast(self, block: SimilarityBlock, strip: RowBlock, slot: int) -> None:
        _, pair, samples = _CONTRASTIVE[slot]
        rows = slice(strip.start, strip.stop)
        start, stop = self.order.span(samples)
        result = contrastive_rows(
            block.sim(pair, strip),
            self._scale(pair),
            self.column_lse[pair],
            self.groups[pair],
            strip.start - start,
            self.want_grad,
        )
        share = 1 / (stop - start)
        self.values[slot, rows] = result.value * share
        self.match[slot, rows] = result.match * share
        if result.grad is not None and result.grad_scale is not None:
            weight = self.weights[slot] * share
            self.grad_scales[slot, rows] = result.grad_scale * weight
            block.add_grad(pair, strip, result.grad.mul_(weight), samples)

    def _relate(self, block: SimilarityBlock, strip: RowBlock, term: RelationTerm) -> None:
        start, stop = self.order.span(term.columns)
        candidates = stop - start - term.drops_self
        if candidates < 2:
            return
        rows = slice(strip.start, strip.stop)
        diagonal = strip.start - start if term.drops_self else None
        kind = 0 if term.kind == 'intra' else 1
        alpha = self.alphas[kind, rows] if term.mixes else None
        target = self._teacher(block, strip, term, diagonal, alpha)
        student = block.sim(term.student, strip, term.columns)
        result = term.relation.compare(student, target, diagonal, self.want_grad)

        slot = self.plan.slots.index(term.slot)
        share = term.share / self.slot_rows[term.slot]
        if target.entropy is not None and result.entropy is not None:
            uniform = math.log(candidates)
            self.entropy_teacher[slot, rows] += target.entropy * share / uniform
            self.entropy_student[slot, rows] += result.entropy * share / uniform
        row_share = torch.full_like(result.value, share)
        if self.plan.row_weights is not None:
            row_share *= self.plan.row_weights[rows]
        self.values[slot, rows] += result.value * row_share
        if result.grad is not None:
            row_share *= self.weights[slot]
            block.add_grad(term.student, strip, result.grad.mul_(row_share[:, None]), term.columns)
            if result.grad_alpha is not None:
                self.grad_alphas[kind, rows] += result.grad_alpha * row_share

    def _teacher(
        self,
        block: SimilarityBlock,
        strip: RowBlock,
        term: RelationTerm,
        diagonal: int | None,
        alpha: Tensor | None,
    ) -> TeacherRows:
        """Target rows, kept for the next term: neighbours in the list often share them."""
        key = (term.teachers, term.columns, id(term.relation))
        if self.target is None or self.target[0] != key:
            sims = tuple(block.sim(pair, strip, term.columns) for pair in term.teachers)
            self.target = (key, term.relation.teacher(sims, alpha, diagonal))
        return self.target[1]
