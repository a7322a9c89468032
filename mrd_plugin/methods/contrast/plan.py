"""What the row-blocked engine computes (a :class:`Plan`) and what it gives back."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor


class TeacherRows(NamedTuple):
    """The target of one block of rows, made once and used by every student block that needs it.

    Attributes:
        target: ``(b, k)`` what the student row should be.
        log_target: ``(b, k)`` its logarithm; 0 where the diagonal is left out.
        parts: The image and the text teacher that were mixed.
        entropy: ``(b,)`` entropy of the target in nats.
    """

    target: Tensor
    log_target: Tensor | None
    parts: tuple[Tensor, Tensor] | None
    entropy: Tensor | None


class RelationRows(NamedTuple):
    """What comparing one block of ``b`` rows gives.

    Attributes:
        value: ``(b,)`` distance of each row.
        grad: ``(b, k)`` gradient of each row's distance by its student similarities.
        grad_alpha: ``(b,)`` gradient of each row's distance by its mixing weight.
        entropy: ``(b,)`` entropy of the student's rows in nats.
    """

    value: Tensor
    grad: Tensor | None
    grad_alpha: Tensor | None
    entropy: Tensor | None


class Relation(Protocol):
    """How rows of similarities are compared; ``methods/mrd/relations.py`` has two."""

    def teacher(
        self, sims: tuple[Tensor, ...], alpha: Tensor | None, diagonal: int | None
    ) -> TeacherRows:
        """Turn one teacher's similarities ``(b, k)``, or two to be mixed, into target rows."""

    def compare(
        self, student: Tensor, teacher: TeacherRows, diagonal: int | None, want_grad: bool
    ) -> RelationRows:
        """Compare student similarities ``(b, k)`` with the target rows."""


class RelationTerm(NamedTuple):
    """One comparison of student rows with teacher rows.

    A relation is named by the modalities of its rows and columns: ``'pt'`` are the similarities of
    points (rows) with texts (columns).

    Attributes:
        slot: Name under which the value is weighted and logged.
        student: Student relation; contains ``p``.
        teachers: One teacher relation, or the image's and the text's to be mixed.
        rows: Samples whose rows count (a name of :meth:`SampleOrder.span`).
        columns: Samples that are the candidates.
        share: Weight of this comparison inside its slot.
        relation: How rows are compared.
    """

    slot: str
    student: str
    teachers: tuple[str, ...]
    rows: str
    columns: str
    share: float
    relation: Relation

    @property
    def kind(self) -> str:
        """'intra' within a modality, 'cross' between two."""
        return self.slot.split('_')[0]

    @property
    def drops_self(self) -> bool:
        """Whether a sample's relation with itself is left out (always 1 within a modality)."""
        return self.kind == 'intra'

    @property
    def mixes(self) -> bool:
        """Whether two teachers are mixed."""
        return len(self.teachers) == 2


class Plan(NamedTuple):
    """What is to be computed; everything here is without gradient.

    Attributes:
        slots: Names of the weighted values, 'align_image' and 'align_text' first.
        terms: Relation terms; may be empty.
        row_weights: ``(n,)`` weight of each row in the relation terms, mean 1.
        mask_duplicates: Leave out negatives whose teacher row equals the positive's.
        block_size: Rows in a block.
    """

    slots: tuple[str, ...]
    terms: tuple[RelationTerm, ...]
    row_weights: Tensor | None
    mask_duplicates: bool
    block_size: int


class BlockwiseValues(NamedTuple):
    """Result of :func:`blockwise_loss`.

    Attributes:
        loss: Scalar with gradient, ``sum_k weights_k values_k``.
        values: ``(K,)`` each slot unweighted, no gradient.
        entropy_teacher: ``(K,)`` mean entropy of the teacher's rows as a fraction of that of a
            uniform row; 0 in slots without probability rows.
        entropy_student: ``(K,)`` the same of the student's rows.
        match: ``(2,)`` rate of points whose own image (text) is the most similar one.
    """

    loss: Tensor
    values: Tensor
    entropy_teacher: Tensor
    entropy_student: Tensor
    match: Tensor
