"""Pairwise similarity matrices of the teacher's image and text tower and of the student."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import groupby

import numpy as np

from mrd_plugin.reports.figures.png import tint_png

_LEAST_NAMED = 4.0
"""Least part of the matrix, in percent, that a group must fill for its name to fit."""


def relation_matrices(
    image: np.ndarray, text: np.ndarray, student: np.ndarray, nouns: Sequence[str]
) -> str:
    """Draw the three matrices side by side, sorted by noun.

    Drawn are the shapes whose noun occurs more than once; correlations are over all.

    Args:
        image: ``(n, D)`` teacher's image embeddings.
        text: ``(n, D)`` teacher's text embeddings.
        student: ``(n, D)`` student's embeddings.
        nouns: ``(n,)`` head nouns.

    Returns:
        Three ``<figure>``, with the correlation of each teacher's relations with the student's.
    """
    order = noun_order(nouns)
    own = cosine_matrix(student)
    marks = _marks([nouns[i] for i in order])
    figures = []
    for name, matrix in (
        ('Teacher, images', cosine_matrix(image)),
        ('Teacher, names', cosine_matrix(text)),
        ('Student, points', own),
    ):
        low, high = np.percentile(off_diagonal(matrix), [2, 99])
        drawn = matrix[np.ix_(order, order)]
        png = tint_png((drawn - low) / max(high - low, 1e-9))
        note = f'Cosine {low:.2f} (clear) to {high:.2f} (full).'
        if matrix is not own:
            note += f' Correlation with the student {relation_agreement(matrix, own):.2f}.'
        figures.append(
            f'<figure class="matrix"><figcaption><h3>{escape(name)}</h3><p>{note}</p></figcaption>'
            f'<div class="square"><img src="{png}" alt="Relation matrix: {escape(name)}">'
            f'{marks}</div></figure>'
        )
    return ''.join(figures)


def noun_order(nouns: Sequence[str]) -> list[int]:
    """Return indices of nouns that occur more than once (or of all), common nouns first."""
    counts = Counter(nouns)
    order = sorted(range(len(nouns)), key=lambda i: (-counts[nouns[i]], nouns[i], i))
    return [i for i in order if counts[nouns[i]] > 1] or order


def cosine_matrix(rows: np.ndarray) -> np.ndarray:
    """Cosines ``(n, n)`` of rows ``(n, D)``."""
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit @ unit.T


def off_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Return the entries of ``(n, n)`` above the diagonal."""
    return matrix[np.triu_indices(len(matrix), 1)]


def relation_agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson correlation of two relation matrices, each pair of different shapes once."""
    return float(np.corrcoef(off_diagonal(one), off_diagonal(other))[0, 1])


def _marks(nouns: Sequence[str]) -> str:
    """Outlines of the groups, and the names of those that are large enough for one."""
    parts = []
    start = 0
    for noun, group in groupby(nouns):
        count = len(list(group))
        place, size = 100 * start / len(nouns), 100 * count / len(nouns)
        name = f'<span>{escape(noun)}</span>' if size >= _LEAST_NAMED else ''
        parts.append(
            f'<i class="group" style="left:{place:.2f}%;top:{place:.2f}%;width:{size:.2f}%;'
            f'height:{size:.2f}%">{name}</i>'
        )
        start += count
    return ''.join(parts)
