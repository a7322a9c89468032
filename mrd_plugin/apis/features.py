"""Frozen features of a checkpoint, made once and kept."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.device import get_device
from mmengine.model import BaseModel
from mmengine.registry import MODELS, init_default_scope

from mrd_plugin.apis.run_loading import batches_of, build_dataset
from mrd_plugin.engine import backbone_weights, check_meta, load_weights, read_checkpoint
from mrd_plugin.utils.atomic import write_atomically
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import file_sha256


@dataclass(frozen=True)
class Features:
    """Features of a data set.

    Attributes:
        ids: Sample ids, ``n``.
        labels: ``(n,)`` class numbers, -1 for none.
        values: ``(n, F)`` float32.
        classes: Class names.
    """

    ids: tuple[str, ...]
    labels: np.ndarray
    values: np.ndarray
    classes: tuple[str, ...] = ()

    def labelled(self) -> Features:
        """Return the rows with a class."""
        rows = np.flatnonzero(self.labels >= 0)
        return Features(
            tuple(self.ids[r] for r in rows), self.labels[rows], self.values[rows], self.classes
        )


def load_frozen(cfg: Config, checkpoint: str | Path, data: Config | None = None) -> BaseModel:
    """Build the model of a config with a checkpoint's weights, to make features with.

    Args:
        cfg: Of the checkpoint: a pre-training config, or one of ``ShapeClassifier``, into which the
            backbone of a pre-training checkpoint is taken.
        checkpoint: The weights.
        data: A config whose data the features are made of. Defaults to None, ``cfg``.

    Returns:
        In eval mode, on a GPU if there is one.

    Raises:
        ConfigError: The data contradict what the checkpoint was trained on.
        CheckpointError: The checkpoint can't be read or does not fit.
    """
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    content = read_checkpoint(checkpoint)
    for given in (cfg, data):
        if given is not None:
            check_meta(content.get('meta', {}), given)
    model = MODELS.build(cfg.model)
    state = content.get('state_dict', content)
    if cfg.model.type == 'ShapeClassifier':
        load_weights(model.backbone, backbone_weights(state), min_coverage=1.0)
    else:
        load_weights(model, state)
    return model.to(get_device()).eval()


@torch.no_grad()
def extract_features(
    model: BaseModel, dataset: BaseDataset, name: str = 'backbone', batch_size: int = 32
) -> Features:
    """Make one feature per shape.

    With ``model.num_test_views`` > 1 the cloud is cut into disjoint parts and their features are
    averaged, as ``predict`` does with embeddings.

    Args:
        model: In eval mode; its ``FEATURES`` says what it offers.
        dataset: With a test pipeline.
        name: A key of ``FEATURES``: ``'backbone'``, ``'embedding'``, ... Defaults to 'backbone'.
        batch_size: Shapes at a time. Defaults to 32.

    Raises:
        ConfigError: The model has no such feature.
    """
    known = getattr(model, 'FEATURES', ())
    if name not in known:
        offers = ', '.join(known) or 'none'
        raise ConfigError(f'--features {name}: {type(model).__name__} has {offers}.')
    ids, labels, values = [], [], []
    for batch in batches_of(dataset, batch_size, 'features'):
        batch = model.data_preprocessor(batch, False)
        views = batch['inputs'].chunk(model.num_test_views, dim=1)
        values.append(
            torch.stack([model.features(view, name).float() for view in views]).mean(0).cpu()
        )
        ids += [sample.sample_id for sample in batch['data_samples']]
        labels += [int(sample.label) for sample in batch['data_samples']]
    classes = tuple(dataset.metainfo['classes'])
    return Features(
        tuple(ids), np.array(labels, dtype=np.int64), torch.cat(values).numpy(), classes
    )


def checkpoint_features(
    cfg: Config,
    checkpoint: str | Path,
    datasets: Mapping[str, Mapping[str, Any]],
    name: str,
    cache: str | Path,
    data: Config | None = None,
) -> dict[str, Features]:
    """Features of several data sets, from a file if they were made before.

    Args:
        cfg: See :func:`load_frozen`.
        checkpoint: See :func:`load_frozen`.
        datasets: Configs of data sets, with test pipelines.
        name: See :func:`extract_features`.
        cache: Folder of the files; one is found by the SHA-256 of the checkpoint, the name of the
            feature and the configs of model and data.
        data: See :func:`load_frozen`.
    """
    sha = file_sha256(checkpoint)
    found, model = {}, None
    for part, dataset_cfg in datasets.items():
        key = json.dumps([sha, name, _plain(cfg.model), _plain(dataset_cfg)], sort_keys=True)
        path = Path(cache) / f'{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz'
        if not path.is_file():
            model = model or load_frozen(cfg, checkpoint, data)
            _write(path, extract_features(model, build_dataset(dict(dataset_cfg)), name))
        found[part] = _read(path)
    return found


def _plain(cfg: Any) -> Any:
    return json.loads(json.dumps(cfg, default=str))


def _write(path: Path, features: Features) -> None:
    content = io.BytesIO()
    np.savez(
        content,
        ids=np.array(features.ids),
        labels=features.labels,
        values=features.values,
        classes=np.array(features.classes, dtype=np.str_),
    )
    write_atomically(path, content.getvalue())


def _read(path: Path) -> Features:
    with np.load(path, allow_pickle=False) as archive:
        return Features(
            tuple(archive['ids'].tolist()),
            archive['labels'],
            archive['values'],
            tuple(archive['classes'].tolist()),
        )
