"""Mean intersection over union of point labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.registry import METRICS


@METRICS.register_module()
class SemanticIoU(BaseMetric):
    """IoU per class over all points of the data set, and its mean.

    Reads ``pred_labels (N,)`` and ``point_labels (N,)``; points with label -1 are left out. One confusion
    matrix is kept for the whole data set, of every rank. A class that neither occurs nor is predicted
    has no IoU: it is named in the log and left out of the mean (released code of the SLidR family
    counts it as 1, which raises the mean of a small validation set).

    Returns, as fractions: ``n_points`` and ``n_samples`` (scored), ``miou``, ``accuracy``, ``n_classes``
    (of which the mean is taken) and ``iou_<class>`` of those.
    """

    default_prefix = 'segmentation'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep one confusion matrix a sample, rows = truth."""
        classes = len((self.dataset_meta or {})['classes'])
        for sample in data_samples:
            truth = sample['point_labels'].cpu().numpy()
            predicted = sample['pred_labels'].cpu().numpy()
            scored = truth >= 0
            cells = truth[scored] * classes + predicted[scored]
            counts = np.bincount(cells, minlength=classes**2)
            self.results.append(counts.reshape(classes, classes))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Figures of all samples together."""
        names = (self.dataset_meta or {})['classes']
        confusion = np.sum(results, axis=0)
        right = np.diag(confusion)
        union = confusion.sum(0) + confusion.sum(1) - right
        occurs = union > 0
        iou = right[occurs] / union[occurs]
        scored = [name for name, there in zip(names, occurs) if there]
        total = int(confusion.sum())
        metrics: dict[str, float] = {
            'n_points': total,
            'n_samples': len(results),
            'miou': float(iou.mean()) if len(iou) else 0.0,
            'accuracy': float(right.sum() / total) if total else 0.0,
            'n_classes': len(scored),
        }
        metrics.update({f'iou_{name}': float(value) for name, value in zip(scored, iou)})
        each = ', '.join(f'{name} {100 * value:.1f}' for name, value in zip(scored, iou))
        empty = [name for name, there in zip(names, occurs) if not there]
        left_out = f'; without points and left out of the mean: {", ".join(empty)}' if empty else ''
        print_log(
            f'segmentation: N = {total} points of {len(results)} sweeps: mIoU '
            f'{100 * metrics["miou"]:.1f} % over {len(scored)} classes ({each}){left_out}; accuracy '
            f'{100 * metrics["accuracy"]:.1f} %',
            logger='current',
        )
        return metrics
