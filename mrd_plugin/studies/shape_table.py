"""A table of shapes with what their embeddings are scored against, and the scoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from torch import Tensor
from tqdm import tqdm

from mrd_plugin.evaluation.accuracy import ZeroShotAccuracy
from mrd_plugin.evaluation.retrieval import CrossModalRetrieval
from mrd_plugin.models.teachers import Teacher
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.studies.reference_baselines import icon_logits, shape_descriptors
from mrd_plugin.utils.errors import ConfigError


@dataclass(frozen=True)
class ShapeTable:
    """Everything about ``n`` shapes that reference rows are made of and embeddings scored against.

    Attributes:
        ids: Sample ids.
        names: Names.
        labels: ``(n,)`` class indices, -1 for none.
        image: ``(n, D)`` teacher's image embeddings, zeros where there is no image.
        text: ``(n, D)`` teacher's text embeddings, zeros where there is no text.
        prototypes: ``(K, D)`` class embeddings.
        hand: ``(n, 186)`` hand-crafted shape descriptors, or None.
        logits: ``(n, 1000)`` ImageNet logits of the images, or None.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    labels: np.ndarray
    image: np.ndarray
    text: np.ndarray
    prototypes: np.ndarray
    hand: np.ndarray | None = None
    logits: np.ndarray | None = None

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Row numbers of sample ids.

        Raises:
            ConfigError: An id is not in the table.
        """
        place = {name: row for row, name in enumerate(self.ids)}
        unknown = [name for name in ids if name not in place]
        if unknown:
            raise ConfigError(
                f'{len(unknown)} of {len(ids)} shapes are not in the table of {len(self.ids)} '
                f'shapes (first: {unknown[0]}); build the table over all parts of the split.'
            )
        return np.array([place[name] for name in ids], dtype=np.int64)


def tabulate(
    dataset: BaseDataset,
    teacher: Teacher,
    prototypes: Tensor,
    logits_cache: str | Path | None = None,
) -> ShapeTable:
    """Read every shape of a data set once, in its order.

    Args:
        dataset: A shape data set with a test pipeline: the name as text, the first image as image.
        teacher: The student's teacher.
        prototypes: ``(K, D)`` class embeddings of the student's classifier.
        logits_cache: Where :func:`icon_logits` keeps its logits; None leaves them out.
    """
    up = 'xyz'.index(dataset.metainfo['up_axis'])
    hand, samples = [], []
    for index in tqdm(range(len(dataset)), 'shape descriptors', disable=None, leave=False):
        item = dataset[index]
        hand.append(shape_descriptors(item['inputs'].numpy(), up, dataset.metainfo['no_colour']))
        samples.append(item['data_samples'])
    targets = teacher(samples)
    paths = [sample.image_path for sample in samples]
    logits = None
    if logits_cache is not None and all(paths):
        logits = icon_logits(paths, logits_cache)
    return _table(samples, targets.image, targets.text, prototypes, np.stack(hand), logits)


def predicted_table(samples: Sequence[ShapeDataSample], prototypes: Tensor) -> ShapeTable:
    """Tabulate a test part from what ``predict`` gave its samples, without ridge inputs.

    Args:
        samples: With ``teacher_image`` and ``teacher_text`` where there are any.
        prototypes: ``(K, D)`` class embeddings.
    """
    nothing = torch.zeros(prototypes.shape[1])

    def rows(key: str) -> Tensor:
        return torch.stack([sample.get(key, nothing).cpu() for sample in samples])

    return _table(samples, rows('teacher_image'), rows('teacher_text'), prototypes)


def _table(
    samples: Sequence[ShapeDataSample],
    image: Tensor,
    text: Tensor,
    prototypes: Tensor,
    *ridge_inputs: np.ndarray | None,
) -> ShapeTable:
    return ShapeTable(
        tuple(sample.sample_id for sample in samples),
        tuple(sample.name for sample in samples),
        np.array([int(sample.label) for sample in samples]),
        image.cpu().numpy(),
        text.cpu().numpy(),
        prototypes.cpu().numpy(),
        *ridge_inputs,
    )


def score_embeddings(
    embedding: np.ndarray,
    table: ShapeTable,
    rows: np.ndarray,
    subspaces: Mapping[str, np.ndarray] | None = None,
) -> dict[str, float]:
    """Metrics of embeddings, by ``ZeroShotAccuracy`` and ``CrossModalRetrieval``.

    Args:
        embedding: ``(m, D)`` in the teacher's space, any length of vector.
        table: What to score against.
        rows: ``(m,)`` rows of the table that the embeddings belong to.
        subspaces: ``embedding_image`` and ``embedding_text`` ``(m, D)`` of a model that has them,
            for retrieval.

    Returns:
        ``zero_shot/...`` and ``retrieval/<direction>/...``, fractions.
    """
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    unit = (embedding / np.maximum(length, 1e-12)).astype(np.float32)
    samples = [
        dict(
            name=table.names[row],
            label=table.labels[row],
            embedding=torch.from_numpy(unit[number]),
            scores=torch.from_numpy(table.prototypes @ unit[number]),
            teacher_image=torch.from_numpy(table.image[row]),
            teacher_text=torch.from_numpy(table.text[row]),
            **{key: own[number] for key, own in (subspaces or {}).items()},
        )
        for number, row in enumerate(rows)
    ]
    metrics = {}
    for metric in (ZeroShotAccuracy(topk=(1, 5)), CrossModalRetrieval()):
        metric.process(None, samples)
        for key, value in metric.compute_metrics(metric.results).items():
            metrics[f'{metric.default_prefix}/{key}'] = value
    return metrics
