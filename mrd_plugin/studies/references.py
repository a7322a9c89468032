"""Reference rows of a furniture config: which shapes are fitted, chosen and scored on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import MODELS

from mrd_plugin.apis.run_loading import build_dataset, build_teacher, sample_ids
from mrd_plugin.models.heads import PromptClassifier
from mrd_plugin.models.teachers import Teacher
from mrd_plugin.studies.reference_baselines import fit_ridge
from mrd_plugin.studies.shape_table import ShapeTable, score_embeddings, tabulate
from mrd_plugin.utils.errors import ConfigError

STRENGTHS = tuple(10.0 ** (power / 2) for power in range(-6, 5))
"""Penalties to choose from, in the unit of :func:`fit_ridge`: 0.001 to 100."""

HEADLINE = (
    'zero_shot/top1',
    'zero_shot/mean_class_top1',
    'retrieval/text_to_shape/r10',
    'retrieval/shape_to_text/r5',
    'retrieval/image_to_shape/r10',
)
"""The metrics that a student is judged by; a penalty is chosen for their mean."""

TEACHER_ROW = 'teacher on the icon'


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


@_quiet_metrics()
def reference_rows(
    table: ShapeTable,
    part: Sequence[str],
    fit: Sequence[str] = (),
    train: Sequence[str] = (),
    val: Sequence[str] = (),
) -> dict[str, dict[str, float]]:
    """All reference rows on one part of a split.

    The penalty of a ridge is chosen among :data:`STRENGTHS` for the best mean of :data:`HEADLINE`
    metrics on the validation part; it is then fitted on the shapes that the student learned from.
    On the validation part itself this choice flatters the ridges a little.

    Args:
        table: All shapes.
        part: Ids to score.
        fit: Ids that the student trains on. Without any there are no ridges.
        train: Ids that the penalty's candidates are fitted on.
        val: Ids that the penalty is chosen on.

    Returns:
        Row name to figures, as :func:`score_embeddings` gives them.
    """
    rows = table.rows(part)
    noise = np.random.default_rng(0).standard_normal((len(rows), table.text.shape[1]))
    random = score_embeddings(noise, table, rows)
    found = {'chance': _chance(random, len(table.prototypes)), 'random embedding': random}
    inputs = {'hand-feature ridge': table.hand, 'icon ridge': table.logits}
    for name, features in inputs.items():
        if features is not None and len(fit):
            strength = choose_strength(features, table, table.rows(train), table.rows(val))
            known = table.rows(fit)
            ridge = fit_ridge(features[known], table.text[known], strength)
            found[name] = score_embeddings(ridge.predict(features[rows]), table, rows)
    if table.image[rows].any():
        teacher = score_embeddings(table.image[rows], table, rows)
        own = [key for key in teacher if key.startswith('retrieval/image_to_shape/r')]
        found[TEACHER_ROW] = {**teacher, **dict.fromkeys(own, float('nan'))}
    return found


def choose_strength(
    features: np.ndarray, table: ShapeTable, train: np.ndarray, val: np.ndarray
) -> float:
    """Return the penalty of :data:`STRENGTHS` that does best on the validation rows.

    Args:
        features: ``(n, p)``, a row for each of the table.
        table: All shapes.
        train: Rows to fit on.
        val: Rows to choose on.
    """

    def merit(strength: float) -> float:
        ridge = fit_ridge(features[train], table.text[train], strength)
        metrics = score_embeddings(ridge.predict(features[val]), table, val)
        return float(np.mean([metrics[key] for key in HEADLINE if key in metrics]))

    return max(STRENGTHS, key=merit)


def _chance(metrics: dict[str, float], num_classes: int) -> dict[str, float]:
    """Return the metrics of a random order, from the chance levels that every row carries."""
    chance = dict(metrics)
    for key in metrics:
        direction, _, name = key.rpartition('/')
        if f'{direction}/chance_{name}' in metrics:
            chance[key] = metrics[f'{direction}/chance_{name}']
    for key in ('top1', 'mean_class_top1'):
        chance[f'zero_shot/{key}'] = 1 / num_classes
    chance['zero_shot/top5'] = min(5 / num_classes, 1.0)
    return chance


PARTS = ('train', 'val', 'test')


def has_references(cfg: Config) -> bool:
    """Tell if the ridges can be fitted: the data are the embedded set, the classes prompts."""
    test = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    return bool(
        test.get('type') == 'FurnitureDataset' and (cfg.get('model') or {}).get('classifier')
    )


def shape_table(
    cfg: Config, teacher: Teacher | None = None, classifier: PromptClassifier | None = None
) -> ShapeTable:
    """Read the shapes that reference rows need.

    Args:
        cfg: A furniture config.
        teacher: The student's teacher. Defaults to None, built from the config.
        classifier: Likewise.

    Returns:
        All parts of the furniture set, with what the ridges need.

    Raises:
        ConfigError: The config is of another family.
    """
    if not has_references(cfg):
        raise ConfigError(
            f'{cfg.filename}: expected a config with model.teacher and model.classifier that is '
            'tested on the furniture set, such as configs/mrd/pointbert_furniture.py.'
        )
    teacher = teacher or build_teacher(cfg.model.get('teacher'), cfg.filename)
    classifier = classifier or MODELS.build(cfg.model.classifier)
    dataset = build_dataset(cfg.test_dataloader.dataset, split=PARTS)
    cache = Path(cfg.test_dataloader.dataset.data_root) / 'features' / 'icon_logits.npz'
    return tabulate(dataset, teacher, classifier.prototypes(teacher), cache)


def split_references(
    cfg: Config,
    table: ShapeTable,
    ann_file: str,
    part: str | Sequence[str] = 'test',
    fit: str | Sequence[str] = ('train', 'val'),
) -> dict[str, dict[str, float]]:
    """Return reference rows on one part of a split file.

    Args:
        cfg: A furniture config.
        table: From :func:`shape_table`.
        ann_file: The split file.
        part: Parts to score. Defaults to 'test'.
        fit: Parts that the student trains on. Defaults to train and val.
    """

    def ids(split: str | Sequence[str]) -> list[str]:
        return sample_ids(cfg.test_dataloader.dataset, ann_file=ann_file, split=split)

    return reference_rows(table, ids(part), ids(fit), ids('train'), ids('val'))
