"""The relation terms of MRD as a list: which rows are compared with which, on which samples."""

from __future__ import annotations

from typing import NamedTuple, Union

from mrd_plugin.models.losses.relation import NormalisedRelation, RawRelation

Relation = Union[NormalisedRelation, RawRelation]


class RelationTerm(NamedTuple):
    """One comparison of student rows with teacher rows.

    A relation is named by the modalities of its rows and columns: ``'pt'`` are the similarities of
    points (rows) with texts (columns).

    Attributes:
        slot (str): Name under which the value is weighted and logged.
        student (str): Student relation; contains ``p``.
        teachers (tuple[str, ...]): One teacher relation, or the image's and the text's to be mixed.
        rows (str): Samples whose rows count (a name of :meth:`SampleOrder.span`).
        columns (str): Samples that are the candidates.
        share (float): Weight of this comparison inside its slot.
        relation (NormalisedRelation | RawRelation): How rows are compared.
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


def intra_terms(relation: Relation, mixed: bool) -> list[RelationTerm]:
    """Relations within the point modality against those within image and text.

    Mixed, samples with both modalities have the mixture as teacher, the others the one they have.

    Args:
        relation (NormalisedRelation | RawRelation): How rows are compared.
        mixed (bool): One mixed teacher in place of two terms.

    Returns:
        list[RelationTerm]: Slots 'intra', or 'intra_image' and 'intra_text'.
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
    image_relation: Relation, text_relation: Relation, mixed: bool, transposed: bool
) -> list[RelationTerm]:
    """Relations between points and a teacher modality against those between the two teachers.

    In 'cross_image' the points stand in for the images (points to texts against images to texts), in
    'cross_text' for the texts. All of them live on the samples that have both.

    Args:
        image_relation (NormalisedRelation | RawRelation): How rows over texts are compared.
        text_relation (NormalisedRelation | RawRelation): How rows over images are compared.
        mixed (bool): Both students against one mixture of the two teachers.
        transposed (bool): Also compare with points as the columns.

    Returns:
        list[RelationTerm]: Slots 'cross', or 'cross_image' and 'cross_text'.
    """
    comparisons = [
        ('cross_image', 'pt', 'it', image_relation),
        ('cross_text', 'pi', 'ti', text_relation),
    ]
    if transposed:
        # Beside the term with the same teacher, so that its rows are made once.
        comparisons.insert(1, ('cross_text', 'ip', 'it', text_relation))
        comparisons.insert(2, ('cross_image', 'tp', 'ti', image_relation))
    terms = []
    for slot, student, teacher, relation in comparisons:
        teachers = ('it', 'ti') if mixed else (teacher,)
        share = 1 / len(comparisons) if mixed else 2 / len(comparisons)
        slot = 'cross' if mixed else slot
        terms.append(RelationTerm(slot, student, teachers, 'both', 'both', share, relation))
    return terms
