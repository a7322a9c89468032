"""What a finished run leaves, loaded again: config, checkpoint, model, data sets and predictions.

A config's teacher of images and texts can also be built alone, without its student.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.device import get_device
from mmengine.registry import DATASETS, MODELS, init_default_scope
from torch.utils.data import DataLoader
from tqdm import tqdm

from mrd_plugin.engine import check_meta, load_weights, read_checkpoint
from mrd_plugin.methods.base_shape import BasePretrainer
from mrd_plugin.models.teachers import Teacher
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import ConfigError


@dataclass(frozen=True)
class FinishedRun:
    """A run's parts.

    Attributes:
        work_dir: Its folder.
        cfg: Its config.
        config: Path of the config.
        checkpoint: Path of the last checkpoint.
        model: The pre-trainer with these weights, in eval mode; EMA weights if the run kept them.
    """

    work_dir: Path
    cfg: Config
    config: Path
    checkpoint: Path
    model: BasePretrainer


def load_run(work_dir: str | Path) -> FinishedRun:
    """Load what a training run left in its ``work_dir``, the model on a GPU if there is one.

    Raises:
        ConfigError: The folder, the config or the checkpoint is missing, or they contradict each
            other.
        CheckpointError: The checkpoint can't be read or does not fit the model.
    """
    work_dir = Path(work_dir)
    config = _config_file(work_dir)
    checkpoint = last_checkpoint(work_dir)
    cfg = Config.fromfile(config)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    content = read_checkpoint(checkpoint)
    check_meta(content.get('meta', {}), cfg)
    model = MODELS.build(cfg.model)
    load_weights(model, content['state_dict'], min_coverage=1.0)
    return FinishedRun(work_dir, cfg, config, checkpoint, model.to(get_device()).eval())


def _config_file(work_dir: Path) -> Path:
    if not work_dir.is_dir():
        raise ConfigError(f'{work_dir}: there is no such folder; give the work_dir of a run.')
    configs = sorted(work_dir.glob('*.py'), key=lambda path: path.stat().st_mtime)
    if not configs:
        raise ConfigError(
            f'{work_dir} holds no config (*.py); give the work_dir that tools/train.py wrote to.'
        )
    return configs[-1]


def last_checkpoint(work_dir: str | Path) -> Path:
    """Return what ``last_checkpoint`` of a run names, otherwise its newest ``*.pth``.

    Raises:
        ConfigError: There is none.
    """
    work_dir = Path(work_dir)
    pointer = work_dir / 'last_checkpoint'
    if pointer.is_file():
        named = work_dir / Path(pointer.read_text().strip()).name
        if named.is_file():
            return named
    saved = sorted(work_dir.glob('*.pth'), key=lambda path: path.stat().st_mtime)
    if not saved:
        raise ConfigError(f'{work_dir} holds no checkpoint (*.pth); let the training finish first.')
    return saved[-1]


@torch.no_grad()
def predict_all(
    model: BasePretrainer, dataset: BaseDataset, batch_size: int = 64
) -> list[ShapeDataSample]:
    """Predict every shape of a data set with a test pipeline, by a model in eval mode.

    The samples are in its order, with ``embedding`` and what else ``predict`` adds.
    """
    batches = batches_of(dataset, batch_size, 'encode')
    return [sample for batch in batches for sample in model.test_step(batch)]


def batches_of(dataset: BaseDataset, batch_size: int, title: str) -> Iterable[Any]:
    """Return the batches of a data set in its order, with a progress bar of this title."""
    loader: DataLoader[Any] = DataLoader(
        dataset, batch_size=batch_size, shuffle=False, collate_fn=pseudo_collate
    )
    return tqdm(loader, title, disable=None, leave=False)


def build_dataset(cfg: dict[str, Any], **changes: Any) -> BaseDataset:
    """Build a data set of a config with some of its keys changed."""
    return DATASETS.build({**cfg, **changes})


def sample_ids(cfg: dict[str, Any], **changes: Any) -> list[str]:
    """Ids of a config's data set with some keys changed, without reading its shapes."""
    dataset = build_dataset(cfg, **{**changes, 'pipeline': [], 'cache_in_memory': False})
    return [dataset.get_data_info(index)['sample_id'] for index in range(len(dataset))]


def build_teacher(config: dict[str, Any] | None, where: object) -> Teacher:
    """Build a teacher of images and texts.

    Args:
        config: Its config, for instance ``cfg.model.get('teacher')``.
        where: File that it is from, for the message.

    Raises:
        ConfigError: There is none, or it is of another family, such as an image backbone.
    """
    kind = (config or {}).get('type')
    known = MODELS.get(kind) if isinstance(kind, str) else kind
    if config is None or (known is not None and not issubclass(known, Teacher)):
        raise ConfigError(
            f'{where}: model.teacher is {kind}, expected one of images and texts, such as '
            'ConSETeacher or OpenCLIPTeacher; take a config that pre-trains on shapes.'
        )
    return MODELS.build(config)
