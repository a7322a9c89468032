"""Nearest neighbours of every training shape, over texts, images or a checkpoint's features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from torch import Tensor
from tqdm import tqdm

from mrd_plugin.apis.features import extract_features, load_frozen
from mrd_plugin.apis.run_loading import build_dataset, build_teacher
from mrd_plugin.datasets.shapes.neighbours import write_neighbours
from mrd_plugin.datasets.shapes.shape_dataset import ShapeDataset
from mrd_plugin.methods.contrast.info_nce import duplicate_groups
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import file_sha256

SPACES = ('shape', 'text', 'image')


def nearest_rows(
    features: Tensor,
    k: int,
    has: Tensor | None = None,
    groups: Tensor | None = None,
    block: int = 1024,
) -> Tensor:
    """Return the ``k`` rows most similar to each row by cosine, itself left out.

    Args:
        features: ``(n, D)``, any length of vector.
        k: Neighbours wanted.
        has: ``(n,)`` bool: rows where it is False have no neighbours and are none. Defaults to
            None, all.
        groups: ``(n,)`` long: a row of the same group is no neighbour. Defaults to None.
        block: Rows worked at once; memory grows with block x n. Never changes the result beyond
            rounding.

    Returns:
        ``(n, k)`` long, nearest first, -1 where there are fewer.
    """
    unit = F.normalize(features.float(), dim=1)
    rows = torch.arange(len(unit), device=unit.device)
    out = torch.full((len(unit), k), -1, dtype=torch.long)
    for start in tqdm(range(0, len(unit), block), 'neighbours', disable=None, leave=False):
        part = slice(start, min(start + block, len(unit)))
        sim = unit[part] @ unit.T
        barred = rows[part, None] == rows[None]
        if groups is not None:
            barred |= groups[part, None] == groups[None]
        if has is not None:
            barred |= ~has[part, None] | ~has[None]
        top = sim.masked_fill_(barred, -torch.inf).topk(min(k, len(unit)), dim=1)
        found = top.indices.masked_fill(top.values == -torch.inf, -1)
        out[part, : found.shape[1]] = found.cpu()
    return out


def build_hard_negatives(
    cfg: Config,
    checkpoint: str | Path | None,
    out: str | Path,
    space: str = 'shape',
    k: int = 31,
    features: str = 'embedding',
) -> dict[str, int]:
    """Write the table that ``HardNegativeSampler`` reads.

    Text and image of a shape are drawn once by the rule of the training pipeline, always the same
    ones; a shape that has no text while training has none here and no neighbours by text. In the
    space of texts, shapes with the very same text are no neighbours of each other: the loss could
    not use them as negatives.

    Args:
        cfg: A pre-training config; the shapes are those of its ``train_dataloader``.
        checkpoint: Needed for ``space='shape'``.
        out: The ``.npz`` file.
        space: ``'shape'`` (features of the student), ``'text'`` or ``'image'`` (of the teacher).
        k: Neighbours per shape. Defaults to 31.
        features: With ``'shape'``: a key of the model's ``FEATURES``. Defaults to 'embedding'.

    Returns:
        ``shapes`` and ``without``, how many have no neighbours.

    Raises:
        ConfigError: ``space='shape'`` without a checkpoint, a config of another family, or a ``k``
            that is not between 1 and the number of the other shapes.
    """
    if space not in SPACES:
        raise ConfigError(f'space={space!r}: expected one of {SPACES}.')
    if space == 'shape' and checkpoint is None:
        raise ConfigError("space='shape': give a checkpoint, or --space text.")
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    _require_shapes(cfg)
    teacher = None if space == 'shape' else build_teacher(cfg.model.get('teacher'), cfg.filename)
    train = dict(
        cfg.train_dataloader.dataset,
        pipeline=_pipeline(cfg),
        test_mode=True,
        cache_in_memory=False,
    )
    dataset = build_dataset(train)
    if not 1 <= k < len(dataset):
        raise ConfigError(
            f'k={k}: expected 1 to {len(dataset) - 1}, the training shapes without the one whose '
            'neighbours are sought.'
        )
    has = groups = None
    if teacher is None:
        assert checkpoint is not None
        found = extract_features(load_frozen(cfg, checkpoint), dataset, features)
        ids, values = found.ids, torch.from_numpy(found.values)
    else:
        with _fixed_draws():
            samples = [
                dataset[row]['data_samples']
                for row in tqdm(range(len(dataset)), 'samples', disable=None, leave=False)
            ]
        targets = teacher(samples)
        ids = tuple(sample.sample_id for sample in samples)
        values = targets.text if space == 'text' else targets.image
        has = targets.has_text if space == 'text' else targets.has_image
        groups = duplicate_groups(values) if space == 'text' else None
    index = nearest_rows(values, k, has, groups).numpy()
    meta = dict(space=space, k=k, config=str(cfg.filename))
    if space == 'shape':
        meta.update(features=features, checkpoint_sha256=file_sha256(str(checkpoint)))
    write_neighbours(out, ids, index, meta)
    return dict(shapes=len(ids), without=int(np.all(index < 0, axis=1).sum()))


def _require_shapes(cfg: Config) -> None:
    """Make sure that a config trains and tests on shapes."""
    for key in ('train_dataloader', 'test_dataloader'):
        kind = ((cfg.get(key) or {}).get('dataset') or {}).get('type')
        known = DATASETS.get(kind) if isinstance(kind, str) else kind
        if known is None or not issubclass(known, ShapeDataset):
            raise ConfigError(
                f'{cfg.filename}: {key}.dataset is {kind}, expected a data set of shapes; take a '
                'config that '
                'pre-trains on shapes, such as configs/openshape/pointbert_furniture.py.'
            )


def _pipeline(cfg: Config) -> list[dict]:
    """Return the test pipeline with the training pipeline's choice of text and image."""
    choice = [s for s in cfg.train_dataloader.dataset.pipeline if s.type == 'ChooseTextImage']
    return [
        choice[0] if choice and step.type == 'ChooseTextImage' else step
        for step in cfg.test_dataloader.dataset.pipeline
    ]


@contextmanager
def _fixed_draws() -> Iterator[None]:
    """Make transforms, which draw from numpy's global generator, draw the same every time."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
