"""Reference rows of a furniture config: which shapes are fitted, chosen and scored on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import MODELS

from mrd_plugin.apis.finished_run import build_dataset, sample_ids
from mrd_plugin.apis.teachers import build_teacher
from mrd_plugin.evaluation.references import reference_rows
from mrd_plugin.evaluation.shape_table import ShapeTable, tabulate
from mrd_plugin.models.heads import PromptClassifier
from mrd_plugin.models.teachers import Teacher
from mrd_plugin.utils.errors import ConfigError

PARTS = ('train', 'val', 'test')


def has_references(cfg: Config) -> bool:
    """Whether the ridges can be fitted: the test shapes are the embedded set, the classes prompts."""
    test = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    return bool(
        test.get('type') == 'FurnitureDataset' and (cfg.get('model') or {}).get('classifier')
    )


def shape_table(
    cfg: Config, teacher: Teacher | None = None, classifier: PromptClassifier | None = None
) -> ShapeTable:
    """Read the shapes that reference rows need.

    Args:
        cfg (Config): A furniture config.
        teacher (Teacher, optional): The student's teacher. Defaults to None, built from the config.
        classifier (PromptClassifier, optional): Likewise.

    Returns:
        ShapeTable: All parts of the furniture set, with what the ridges need.

    Raises:
        ConfigError: The config is of another family.
    """
    if not has_references(cfg):
        raise ConfigError(
            f'{cfg.filename}: expected a config with model.teacher and model.classifier that is tested on '
            'the furniture set, such as configs/mrd/pointbert_furniture.py.'
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
    """Reference rows on one part of a split file.

    Args:
        cfg (Config): A furniture config.
        table (ShapeTable): From :func:`shape_table`.
        ann_file (str): The split file.
        part (str or Sequence[str]): Parts to score. Defaults to 'test'.
        fit (str or Sequence[str]): Parts that the student trains on. Defaults to train and val.
    """

    def ids(split: str | Sequence[str]) -> list[str]:
        return sample_ids(cfg.test_dataloader.dataset, ann_file=ann_file, split=split)

    return reference_rows(table, ids(part), ids(fit), ids('train'), ids('val'))
