"""The rows that every learned figure is put beside: what does one get without a 3D network?

- ``chance``: a random order of the answers;
- ``random embedding``: a random direction for each shape, through the same metrics;
- ``hand-feature ridge``: 186 hand-made numbers of the point cloud, regressed on the text embeddings
  of the training names;
- ``icon ridge``: the same from the 1000 ImageNet logits of the shape's picture, so with the same
  supervision as the student but another input. Image to shape is easier for it than for a student of
  points, because the query is its own input;
- ``teacher on the icon``: the teacher's image embedding in place of the student's. It has not
  seen the training names. Image to shape is NaN: the query would be the answer.

All go through the metrics of the student, see :func:`score_embeddings`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from mmengine.logging import MMLogger

from mrd_plugin.evaluation.ridge import RidgePath
from mrd_plugin.evaluation.shape_table import ShapeTable, score_embeddings

STRENGTHS = tuple(10.0 ** (power / 2) for power in range(-6, 5))
"""Penalties to choose from, in the unit of :class:`RidgePath`: 0.001 to 100."""

HEADLINE = (
    'zero_shot/top1',
    'zero_shot/mean_class_top1',
    'retrieval/text_to_shape/r10',
    'retrieval/shape_to_text/r5',
    'retrieval/image_to_shape/r10',
)
"""The figures that a student is judged by; a penalty is chosen for their mean."""

TEACHER_ROW = 'teacher on the icon'


def reference_rows(
    table: ShapeTable,
    part: Sequence[str],
    fit: Sequence[str] = (),
    train: Sequence[str] = (),
    val: Sequence[str] = (),
) -> dict[str, dict[str, float]]:
    """All reference rows on one part of a split.

    The penalty of a ridge is chosen among :data:`STRENGTHS` for the best mean of :data:`HEADLINE`
    figures on the validation part; it is then fitted on the shapes that the student learned from.
    On the validation part itself this choice flatters the ridges a little.

    Args:
        table (ShapeTable): All shapes.
        part (Sequence[str]): Ids to score.
        fit (Sequence[str]): Ids that the student trains on. Without any there are no ridges.
        train (Sequence[str]): Ids that the penalty's candidates are fitted on.
        val (Sequence[str]): Ids that the penalty is chosen on.

    Returns:
        dict: Row name to figures, as :func:`score_embeddings` gives them.
    """
    with _quiet_metrics():
        return _reference_rows(table, table.rows(part), fit, train, val)


@contextmanager
def _quiet_metrics() -> Iterator[None]:
    """Keep the metrics from announcing every candidate."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _reference_rows(
    table: ShapeTable,
    rows: np.ndarray,
    fit: Sequence[str],
    train: Sequence[str],
    val: Sequence[str],
) -> dict[str, dict[str, float]]:
    noise = np.random.default_rng(0).standard_normal((len(rows), table.text.shape[1]))
    random = score_embeddings(noise, table, rows)
    found = {'chance': _chance(random, len(table.prototypes)), 'random embedding': random}
    inputs = {'hand-feature ridge': table.hand, 'icon ridge': table.logits}
    for name, features in inputs.items():
        if features is not None and len(fit):
            strength = choose_strength(features, table, table.rows(train), table.rows(val))
            path = RidgePath(features[table.rows(fit)], table.text[table.rows(fit)])
            found[name] = score_embeddings(path.predict(features[rows], strength), table, rows)
    if table.image[rows].any():
        teacher = score_embeddings(table.image[rows], table, rows)
        own = [key for key in teacher if key.startswith('retrieval/image_to_shape/r')]
        found[TEACHER_ROW] = {**teacher, **dict.fromkeys(own, float('nan'))}
    return found


def choose_strength(
    features: np.ndarray, table: ShapeTable, train: np.ndarray, val: np.ndarray
) -> float:
    """The penalty of :data:`STRENGTHS` that does best on the validation rows.

    Args:
        features (np.ndarray): ``(n, p)``, a row for each of the table.
        table (ShapeTable): All shapes.
        train (np.ndarray): Rows to fit on.
        val (np.ndarray): Rows to choose on.
    """
    path = RidgePath(features[train], table.text[train])

    def merit(strength: float) -> float:
        figures = score_embeddings(path.predict(features[val], strength), table, val)
        return float(np.mean([figures[key] for key in HEADLINE if key in figures]))

    return max(STRENGTHS, key=merit)


def _chance(figures: dict[str, float], num_classes: int) -> dict[str, float]:
    """A random order, from the chance figures that every row carries."""
    chance = dict(figures)
    for key in figures:
        direction, _, name = key.rpartition('/')
        if f'{direction}/chance_{name}' in figures:
            chance[key] = figures[f'{direction}/chance_{name}']
    for key in ('top1', 'mean_class_top1'):
        chance[f'zero_shot/{key}'] = 1 / num_classes
    chance['zero_shot/top5'] = min(5 / num_classes, 1.0)
    return chance
