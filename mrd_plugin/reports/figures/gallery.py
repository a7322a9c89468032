"""Retrieval examples: a query, and the five nearest shapes or names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

NUM_ANSWERS = 5


@dataclass(frozen=True)
class Card:
    """A shape as it is shown.

    Attributes:
        id: Sample id, the key of its cloud.
        name: Its name.
        image: Data URL of its image, None if it has none.
    """

    id: str
    name: str
    image: str | None = None


@dataclass(frozen=True)
class Ranking:
    """The answers to one query.

    Attributes:
        query: Index of the query.
        answers: Indices of the nearest in the gallery, best first.
        scores: Their cosines.
        right: Which of them are right.
        rank: Place of the best right answer, from 1.
        total: Size of the gallery.
    """

    query: int
    answers: tuple[int, ...]
    scores: tuple[float, ...]
    right: tuple[bool, ...]
    rank: int
    total: int


def rank_gallery(
    query: int, scores: np.ndarray, right: np.ndarray, count: int = NUM_ANSWERS
) -> Ranking:
    """Sort a gallery by its scores.

    Args:
        query: Index of the query.
        scores: ``(G,)`` cosines.
        right: ``(G,)`` bool, at least one True.
        count: Answers to keep. Defaults to 5.
    """
    order = np.argsort(-scores, kind='stable')
    top = order[:count]
    return Ranking(
        query=query,
        answers=tuple(int(i) for i in top),
        scores=tuple(float(scores[i]) for i in top),
        right=tuple(bool(right[i]) for i in top),
        rank=int(np.flatnonzero(right[order])[0]) + 1,
        total=len(scores),
    )


def draw_queries(total: int, count: int, seed: int = 0) -> list[int]:
    """Choose queries at random, so that good ones are not preferred."""
    chosen = np.random.default_rng(seed).permutation(total)[:count]
    return sorted(int(i) for i in chosen)


def text_example(text: str, ranking: Ranking, cards: Mapping[int, Card]) -> str:
    """Return a name and the five shapes nearest to it."""
    return _example(f'<q>{escape(text)}</q>', ranking, cards)


def image_example(card: Card, ranking: Ranking, cards: Mapping[int, Card]) -> str:
    """Return an image and the five shapes nearest to it."""
    image = f'<img src="{card.image}" alt="{escape(card.name)}">'
    return _example(f'{image}<small>image of “{escape(card.name)}”</small>', ranking, cards)


def shape_example(card: Card, ranking: Ranking, names: Sequence[str]) -> str:
    """Return a shape and the five names nearest to it."""
    items = ''.join(
        f'<li{" class=right" if right else ""}>{escape(names[answer])} '
        f'<small>{score:.2f}</small></li>'
        for answer, score, right in zip(ranking.answers, ranking.scores, ranking.right)
    )
    return (
        f'<div class="example"><div class="query">{_canvas(card)}'
        f'<small>{escape(card.name)}: {_place(ranking)}</small></div>'
        f'<ol class="names">{items}</ol></div>'
    )


def _example(query: str, ranking: Ranking, cards: Mapping[int, Card]) -> str:
    items = []
    for answer, score, right in zip(ranking.answers, ranking.scores, ranking.right):
        card = cards[answer]
        icon = f'<img src="{card.image}" alt="" loading="lazy">' if card.image else ''
        mark = '<span class="mark" title="right">✓</span> ' if right else ''
        items.append(
            f'<li{" class=right" if right else ""}>{_canvas(card)}<div class="label">{icon}'
            f'<span>{mark}{escape(card.name)} <small>{score:.2f}</small></span></div></li>'
        )
    return (
        f'<div class="example"><div class="query">{query}<small>{_place(ranking)}</small></div>'
        f'<ol class="answers">{"".join(items)}</ol></div>'
    )


def _canvas(card: Card) -> str:
    label = escape(f'Point cloud of {card.name}; drag or use the arrow keys to turn it')
    return (
        f'<canvas data-cloud="{escape(card.id)}" tabindex="0" role="img" '
        f'aria-label="{label}"></canvas>'
    )


def _place(ranking: Ranking) -> str:
    return f'first right answer at rank {ranking.rank} of {ranking.total}'
