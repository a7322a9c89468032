"""Relations of MRD for the row-blocked engine: the comparisons, and their gradients in closed form.

A student row of similarities ``x`` goes through a softmax at temperature ``t``, ``z = x / t``,
``q = softmax(z)``, and is compared with a teacher row ``p``:

    D(p, q) = a KL(p || q) + b KL(q || p)

``a = b = symmetric_scale`` is the Jeffrey divergence, ``a = 1, b = 0`` the plain distillation KL.

Gradient by the student. With ``r = log q - log p`` and the softmax's ``dq_k/dz_j = q_k ([j = k] -
q_j)``:

    KL(p || q) = -sum_k p_k r_k       d/dz_j = q_j - p_j               (sum_k p_k = 1)
    KL(q || p) =  sum_k q_k r_k       d/dz_j = q_j (r_j - sum_k q_k r_k)
    dD/dx_j = ( q_j (a + b (r_j - KL(q || p))) - a p_j ) / t

Gradient by the mixing weight. For ``p = alpha p1 + (1 - alpha) p2``, ``dp_j/dalpha = p1_j - p2_j``
and

    dD/dp_j = a (log p_j - log q_j + 1) - b q_j / p_j
    dD/dalpha = sum_j (p1_j - p2_j) (-a r_j - b q_j / p_j)             (the constant sums to zero)

Raw similarities are compared directly by a mean smooth L1 or squared error. The same formulas on
whole matrices, differentiated by autograd, are in ``formulas.py``; a test holds the two together.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.methods.contrast.info_nce import row_dot
from mrd_plugin.methods.contrast.plan import Relation, RelationRows, RelationTerm, TeacherRows


class NormalisedRelation:
    """Relations as probability rows, compared by weighted KL in both directions.

    Args:
        forward: Weight ``a`` of KL(teacher || student).
        reverse: Weight ``b`` of KL(student || teacher).
        tau_student: Temperature of the student's rows, > 0.
        tau_teacher: Temperature of the teacher's rows, > 0.
    """

    def __init__(
        self,
        forward: float,
        reverse: float,
        tau_student: float | Tensor,
        tau_teacher: float | Tensor,
    ) -> None:
        self.forward = forward
        self.reverse = reverse
        self.tau_student = tau_student
        self.tau_teacher = tau_teacher

    def teacher(
        self, sims: tuple[Tensor, ...], alpha: Tensor | None, diagonal: int | None
    ) -> TeacherRows:
        """Turn one teacher's similarities, or two to be mixed, into target rows.

        Args:
            sims: One or two ``(b, k)``; not modified.
            alpha: ``(b,)`` weight of the first of two teachers, in [0, 1].
            diagonal: Column of the first row's own sample if it is to be left out.

        Returns:
            Rows that sum to one.
        """
        if len(sims) == 1:
            log_target = _log_rows(sims[0], self.tau_teacher, diagonal)
            target = log_target.exp()
            _clear_diagonal(log_target, diagonal)
            parts = None
        else:
            assert alpha is not None
            image, text = (_log_rows(sim, self.tau_teacher, diagonal).exp_() for sim in sims)
            target = torch.lerp(text, image, alpha[:, None])
            # A probability that underflows would give an infinite distance.
            log_target = target.clamp_min(torch.finfo(target.dtype).tiny).log_()
            _clear_diagonal(log_target, diagonal)
            parts = (image, text)
        return TeacherRows(target, log_target, parts, -row_dot(target, log_target))

    def compare(
        self, student: Tensor, teacher: TeacherRows, diagonal: int | None, want_grad: bool
    ) -> RelationRows:
        """Compare student similarities with the target rows.

        Args:
            student: ``(b, k)`` similarities; not modified.
            teacher: From :meth:`teacher`; not modified.
            diagonal: As in :meth:`teacher`.
            want_grad: Whether gradients are needed.

        Returns:
            Distances and gradients.
        """
        a, b = self.forward, self.reverse
        p, log_p = teacher.target, teacher.log_target
        assert log_p is not None
        log_q = _log_rows(student, self.tau_student, diagonal)
        q = log_q.exp()
        _clear_diagonal(log_q, diagonal)
        entropy = -row_dot(q, log_q)
        ratio = log_q.sub_(log_p)
        reverse_kl = row_dot(q, ratio)
        value = b * reverse_kl - a * row_dot(p, ratio)
        if not want_grad:
            return RelationRows(value, None, None, entropy)
        grad_alpha = None
        if teacher.parts is not None:
            slope = q / p.clamp_min(torch.finfo(p.dtype).tiny)
            slope.mul_(-b).sub_(ratio, alpha=a)
            grad_alpha = row_dot(slope, teacher.parts[0]) - row_dot(slope, teacher.parts[1])
        grad = ratio.sub_(reverse_kl[:, None]).mul_(b).add_(a).mul_(q).sub_(p, alpha=a)
        return RelationRows(value, grad.div_(self.tau_student), grad_alpha, entropy)


class RawRelation:
    """Relations as plain cosines, compared by a mean smooth L1 (beta 1) or squared error.

    Args:
        squared: Squared error instead of smooth L1.
    """

    def __init__(self, squared: bool) -> None:
        self.squared = squared

    def teacher(
        self, sims: tuple[Tensor, ...], alpha: Tensor | None, diagonal: int | None
    ) -> TeacherRows:
        """As :meth:`NormalisedRelation.teacher`; the rows stay cosines."""
        if len(sims) == 1:
            return TeacherRows(sims[0], None, None, None)
        assert alpha is not None
        image, text = sims
        return TeacherRows(torch.lerp(text, image, alpha[:, None]), None, (image, text), None)

    def compare(
        self, student: Tensor, teacher: TeacherRows, diagonal: int | None, want_grad: bool
    ) -> RelationRows:
        """As :meth:`NormalisedRelation.compare`; each row is a mean over its columns."""
        difference = student - teacher.target
        _clear_diagonal(difference, diagonal)
        columns = difference.shape[1] - (diagonal is not None)
        if self.squared:
            slope = 2 * difference
            value = row_dot(difference, difference) / columns
        else:
            slope = difference.clamp(-1, 1)
            value = row_dot(slope, difference - 0.5 * slope) / columns
        if not want_grad:
            return RelationRows(value, None, None, None)
        slope /= columns
        grad_alpha = None
        if teacher.parts is not None:
            grad_alpha = row_dot(slope, teacher.parts[1]) - row_dot(slope, teacher.parts[0])
        return RelationRows(value, slope, grad_alpha, None)


def _log_rows(sim: Tensor, tau: float | Tensor, diagonal: int | None) -> Tensor:
    """Log-softmax of ``sim / tau`` by rows, own sample at -inf, in a new tensor."""
    logits = sim / tau
    if diagonal is not None:
        logits.diagonal(diagonal).fill_(-torch.inf)
    return torch.log_softmax(logits, 1)


def _clear_diagonal(rows: Tensor, diagonal: int | None) -> None:
    if diagonal is not None:
        rows.diagonal(diagonal).zero_()


def make_relation(
    distance: str, symmetric_scale: float, tau: float | Tensor, tau_teacher: float | Tensor
) -> Relation:
    """Return the comparison that the options of ``MRDLoss`` name."""
    if distance in ('smooth_l1', 'mse'):
        return RawRelation(squared=distance == 'mse')
    if distance == 'kl':
        return NormalisedRelation(1.0, 0.0, tau, tau_teacher)
    return NormalisedRelation(symmetric_scale, symmetric_scale, tau, tau_teacher)


def intra_terms(relation: Relation, mixed: bool) -> list[RelationTerm]:
    """Relations within the point modality against those within image and text.

    Mixed, samples with both modalities have the mixture as teacher, the others the one they have.

    Args:
        relation: How rows are compared.
        mixed: One mixed teacher in place of two terms.

    Returns:
        Slots 'intra', or 'intra_image' and 'intra_text'.
    """
    if not mixed:
        return [
            RelationTerm('intra_image', 'pp', ('ii',), 'image', 'image', 1.0, relation),
            RelationTerm('intra_text', 'pp', ('tt',), 'text', 'text', 1.0, relation),
        ]
    return [
        RelationTerm('intra', 'pp', ('ii', 'tt'), 'both', 'both', 1.0, relation),
        RelationTerm('intra', 'pp', ('ii',), 'image_only', 'image', 1.0, relation),
        RelationTerm('intra', 'pp', ('tt',), 'text_only', 'text', 1.0, relation),
    ]


def cross_terms(
    cross_image: Relation, cross_text: Relation, mixed: bool, transposed: bool
) -> list[RelationTerm]:
    """Relations between points and a teacher modality against those between the two teachers.

    In 'cross_image' the points stand in for the images (points to texts against images to texts),
    in 'cross_text' for the texts. All of them live on the samples that have both.

    Args:
        cross_image: How rows over texts are compared.
        cross_text: How rows over images are compared.
        mixed: Both students against one mixture of the two teachers.
        transposed: Also compare with points as the columns.

    Returns:
        Slots 'cross', or 'cross_image' and 'cross_text'.
    """
    comparisons = [
        ('cross_image', 'pt', 'it', cross_image),
        ('cross_text', 'pi', 'ti', cross_text),
    ]
    if transposed:
        # Beside the term with the same teacher, so that its rows are made once.
        comparisons.insert(1, ('cross_text', 'ip', 'it', cross_text))
        comparisons.insert(2, ('cross_image', 'tp', 'ti', cross_image))
    terms = []
    for slot, student, teacher, relation in comparisons:
        teachers = ('it', 'ti') if mixed else (teacher,)
        share = 1 / len(comparisons) if mixed else 2 / len(comparisons)
        slot = 'cross' if mixed else slot
        terms.append(RelationTerm(slot, student, teachers, 'both', 'both', share, relation))
    return terms
