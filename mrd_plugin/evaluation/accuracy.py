"""Accuracies: zero-shot by class embeddings, of a trained classifier, and of points with image.

What is not zero-shot by points alone is reported under a name of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.registry import METRICS

from mrd_plugin.utils.errors import ConfigError


@METRICS.register_module()
class ZeroShotAccuracy(BaseMetric):
    """Top-k accuracy and per-class mean of ``scores (K,)`` against ``label``.

    A model without a classifier gives no scores; they are then the cosines of its ``embedding
    (D,)`` and the class features ``(K, D)`` that the data set has in its
    ``metainfo['class_features']`` (benchmarks in OpenShape's form ship them).

    Samples with label -1 belong to none of the classes and are left out. A class that scores as
    high as the true one counts against the sample, so constant or NaN scores get nothing.

    Returns, as fractions: ``n`` (samples scored, always logged), ``top<k>`` over all samples,
    ``mean_class_top1`` (mean over the classes that occur), ``n_classes`` (columns of the scores)
    and ``chance_top1`` (one over it).

    Args:
        topk: The k of top-k. Defaults to (1, 3, 5).
        exclude: Classes whose samples are left out, by their names in ``metainfo['classes']``; they
            stay among the answers. Defaults to ().
        **kwargs: ``collect_device``, ``prefix``, ``collect_dir`` of ``BaseMetric``.

    Examples:
        >>> import torch
        >>> metric = ZeroShotAccuracy(topk=(1, 2))
        >>> metric.dataset_meta = dict(classes=('chair', 'lamp', 'bed'))
        >>> scores = torch.tensor([[0.9, 0.1, 0.2], [0.5, 0.4, 0.1]])
        >>> metric.process({}, [dict(label=0, scores=scores[0]), dict(label=1, scores=scores[1])])
        >>> result = metric.evaluate(size=2)
        >>> result['zero_shot/top1'], result['zero_shot/top2'], result['zero_shot/n']
        (0.5, 1.0, 2)
    """

    default_prefix = 'zero_shot'
    title = 'zero-shot'
    scores_field = 'scores'
    embedding_field = 'embedding'

    def __init__(
        self, topk: Sequence[int] = (1, 3, 5), exclude: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.topk = tuple(topk)
        self.exclude = tuple(exclude)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep label, rank of the true class (0 = first) and number of classes of each sample."""
        excluded = self._excluded_labels()
        for sample in data_samples:
            label = int(sample['label'])
            if label in excluded:
                label = -1
            scores = self._scores(sample)
            rank = -1
            if label >= 0:
                rank = int(np.count_nonzero(~(scores < scores[label]))) - 1
                if np.isnan(scores[label]):
                    rank = len(scores)
            self.results.append((label, rank, len(scores)))

    def _excluded_labels(self) -> set[int]:
        if not self.exclude:
            return set()
        classes = tuple((self.dataset_meta or {}).get('classes', ()))
        unknown = sorted(set(self.exclude) - set(classes))
        if unknown:
            raise ConfigError(
                f'ZeroShotAccuracy exclude={unknown}: not among the {len(classes)} classes of the '
                'data set; name some of its classes.'
            )
        return {classes.index(name) for name in self.exclude}

    def _scores(self, sample: dict) -> np.ndarray:
        if self.scores_field in sample:
            return sample[self.scores_field].detach().float().cpu().numpy()
        features = (self.dataset_meta or {}).get('class_features')
        if features is None:
            raise ConfigError(
                f'{type(self).__name__}: the model gives no {self.scores_field} and the data set '
                'no class features; set model.classifier or the class_feat_file of the data set.'
            )
        return cosines(sample[self.embedding_field].detach().float().cpu().numpy(), features)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Accuracies of all samples together."""
        table = np.array(results, dtype=np.int64).reshape(-1, 3)
        skipped = int((table[:, 0] < 0).sum())
        labels, ranks, counts = table[table[:, 0] >= 0].T
        metrics: dict[str, float] = {'n': len(labels)}
        for k in self.topk:
            metrics[f'top{k}'] = float((ranks < k).mean()) if len(labels) else 0.0
        present = np.unique(labels)
        per_class = [float((ranks[labels == c] < 1).mean()) for c in present]
        metrics['mean_class_top1'] = float(np.mean(per_class)) if per_class else 0.0
        metrics['n_classes'] = int(counts.max()) if len(labels) else 0
        metrics['chance_top1'] = 1 / metrics['n_classes'] if len(labels) else 0.0
        tops = ', '.join(f'top-{k} {100 * metrics[f"top{k}"]:.1f} %' for k in self.topk)
        print_log(
            f'{self.title}: N = {len(labels)} samples of {len(present)} classes out of '
            f'{metrics["n_classes"]} ({skipped} without a class or excluded): {tops}, per-class '
            f'mean {100 * metrics["mean_class_top1"]:.1f} %, chance '
            f'{100 * metrics["chance_top1"]:.1f} %',
            logger='current',
        )
        return metrics


def cosines(embedding: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Cosines between an embedding ``(D,)`` and features ``(K, D)``, as ``(K,)``."""
    norms = np.linalg.norm(features, axis=1) * np.linalg.norm(embedding)
    return features @ embedding / np.maximum(norms, 1e-12)


@METRICS.register_module()
class ShapeAccuracy(ZeroShotAccuracy):
    """Accuracy of a trained classifier: ``accuracy/top1``, ``accuracy/mean_class_top1``, ``n``, ...

    Reads ``scores (K,)`` and ``label``, as :class:`ZeroShotAccuracy` does.

    Args:
        topk: The k of top-k. Defaults to (1, 5).
        **kwargs: See :class:`ZeroShotAccuracy`.
    """

    default_prefix = 'accuracy'
    title = 'classification'

    def __init__(self, topk: Sequence[int] = (1, 5), **kwargs: Any) -> None:
        super().__init__(topk=topk, **kwargs)


@METRICS.register_module()
class JointZeroShotAccuracy(ZeroShotAccuracy):
    """Zero-shot accuracy of points **and image** together, ``zero_shot_joint/...``.

    A score that used an image at test time is no score of point clouds, and must not be shown
    beside one without saying so. Reads ``joint_scores (K,)``, or ``joint_embedding (D,)`` with the
    class features of the data set (``MixCon3D``); samples without an image have neither and are
    left out, which ``n`` shows.
    """

    default_prefix = 'zero_shot_joint'
    title = 'zero-shot, point cloud and image'
    scores_field = 'joint_scores'
    embedding_field = 'joint_embedding'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what :class:`ZeroShotAccuracy` keeps, of the samples with an image."""
        super().process(data_batch, [s for s in data_samples if self.embedding_field in s])
