"""Retrieval examples of a test part: random queries and what the student answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mrd_plugin.reports.figures.gallery import (
    Card,
    Ranking,
    draw_queries,
    image_example,
    rank_gallery,
    shape_example,
    text_example,
)
from mrd_plugin.reports.figures.png import image_png
from mrd_plugin.studies.shape_table import ShapeTable

_COUNTS = dict(text=6, image=5, shape=6)
_SMALL, _LARGE = 60, 128


@dataclass(frozen=True)
class Examples:
    """HTML of the examples by direction ('text', 'image', 'shape'), and the shapes they show.

    Attributes:
        html: By direction; one without queries is left out.
        shown: Rows of the table whose cloud or image is shown.
    """

    html: dict[str, str]
    shown: tuple[int, ...]


def draw_examples(
    table: ShapeTable, embedding: np.ndarray, images: Sequence[str | None]
) -> Examples:
    """Rank the whole test part for a few queries.

    Args:
        table: The test part, ``m`` shapes.
        embedding: ``(m, D)`` student's embeddings, unit length.
        images: Paths of the shapes' images.

    Returns:
        At most six texts, five images and six shapes as queries.
    """
    names = np.array(table.names)
    has_text, has_image = table.text.any(axis=1), table.image.any(axis=1)
    unique, which = np.unique(names[has_text], return_inverse=True)
    bank = np.zeros((len(unique), table.text.shape[1]), dtype=np.float32)
    np.add.at(bank, which, table.text[has_text])
    bank /= np.maximum(np.linalg.norm(bank, axis=1, keepdims=True), 1e-12)
    queries = dict(
        text=[
            rank_gallery(i, embedding @ bank[i], names == unique[i])
            for i in draw_queries(len(unique), _COUNTS['text'])
        ],
        image=[
            rank_gallery(i, embedding @ table.image[i], np.arange(len(names)) == i)
            for i in _some(has_image, _COUNTS['image'])
        ],
        shape=[
            rank_gallery(i, bank @ embedding[i], unique == names[i])
            for i in _some(has_text, _COUNTS['shape'])
        ],
    )
    shown = sorted(_shapes_of(queries))
    cards = {i: _card(table, images, i, _SMALL) for i in shown}
    html = dict(
        text=''.join(text_example(str(unique[r.query]), r, cards) for r in queries['text']),
        image=''.join(
            image_example(_card(table, images, r.query, _LARGE), r, cards) for r in queries['image']
        ),
        shape=''.join(
            shape_example(cards[r.query], r, [str(name) for name in unique])
            for r in queries['shape']
        ),
    )
    return Examples({name: text for name, text in html.items() if text}, tuple(shown))


def _some(has: np.ndarray, count: int) -> list[int]:
    """Rows drawn at random among those that have what is asked for."""
    rows = np.flatnonzero(has)
    return [int(rows[i]) for i in draw_queries(len(rows), count)]


def _shapes_of(queries: dict[str, list[Ranking]]) -> set[int]:
    """Rows that appear as queries or answers (the answers to a shape are names)."""
    shown = {ranking.query for kind in ('image', 'shape') for ranking in queries[kind]}
    for kind in ('text', 'image'):
        shown.update(answer for ranking in queries[kind] for answer in ranking.answers)
    return shown


def _card(table: ShapeTable, images: Sequence[str | None], row: int, side: int) -> Card:
    path = images[row]
    image = None if path is None else image_png(path, side)
    return Card(table.ids[row], table.names[row], image)
