"""Mean intersection over union: of point labels by class, and of parts by shape and by category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.registry import METRICS


def confusion_counts(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Count pairs of true and predicted class ``(n,)``, as ``(K, K)``, rows = truth, without -1."""
    known = labels >= 0
    cells = labels[known] * num_classes + predicted[known]
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


@METRICS.register_module()
class SemanticIoU(BaseMetric):
    """IoU per class over all points of the data set, and its mean.

    Reads ``pred_labels (N,)`` and ``point_labels (N,)``; points with label -1 are left out. One
    confusion matrix is kept for the whole data set, of every rank. A class that neither occurs nor
    is predicted has no IoU: it is named in the log and left out of the mean (released code of the
    SLidR family counts it as 1, which raises the mean of a small validation set).

    Returns, as fractions: ``n_points`` and ``n_samples`` (scored), ``miou``, ``accuracy``,
    ``n_classes`` (of which the mean is taken) and ``iou_<class>`` of those.
    """

    default_prefix = 'segmentation'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep one confusion matrix per sample, rows = truth."""
        classes = len((self.dataset_meta or {})['classes'])
        for sample in data_samples:
            truth = sample['point_labels'].cpu().numpy()
            predicted = sample['pred_labels'].cpu().numpy()
            self.results.append(confusion_counts(truth, predicted, classes))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Metrics of all samples together."""
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
            f'{100 * metrics["miou"]:.1f} % over {len(scored)} classes ({each}){left_out}; '
            f'accuracy {100 * metrics["accuracy"]:.1f} %',
            logger='current',
        )
        return metrics


@METRICS.register_module()
class PartIoU(BaseMetric):
    """IoU of parts as ShapeNetPart counts it (Qi et al. 2017, PointNet, section 5.1).

    The IoU of a shape is the mean over all parts that its category has; a part that is neither
    there nor predicted counts 1. Reads ``point_labels (N,)``, ``pred_labels (N,)``, ``parts``, the
    numbers of the category's parts, and ``label``, the category; points with label -1 are left out.

    Returns, as fractions: ``n`` (shapes), ``instance_miou``, the mean over the shapes,
    ``class_miou``, the mean over the categories of their shapes' mean, ``accuracy`` (of points),
    ``n_classes`` and ``iou_<category>``. A category without shapes is named in the log and left
    out.
    """

    default_prefix = 'parts'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep category, IoU, right points and points of each shape."""
        for sample in data_samples:
            truth = np.asarray(sample['point_labels'].cpu())
            scored = truth >= 0
            truth, predicted = truth[scored], np.asarray(sample['pred_labels'].cpu())[scored]
            ious = []
            for part in sample['parts'].tolist():
                union = int(((truth == part) | (predicted == part)).sum())
                both = int(((truth == part) & (predicted == part)).sum())
                ious.append(both / union if union else 1.0)
            right = int((truth == predicted).sum())
            self.results.append((int(sample['label']), float(np.mean(ious)), right, len(truth)))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Metrics of all shapes together."""
        names = (self.dataset_meta or {})['classes']
        table = np.array(results, dtype=np.float64)
        category, iou = table[:, 0].astype(int), table[:, 1]
        there = [i for i in range(len(names)) if (category == i).any()]
        each = {names[i]: float(iou[category == i].mean()) for i in there}
        metrics: dict[str, float] = {
            'n': len(table),
            'instance_miou': float(iou.mean()),
            'class_miou': float(np.mean(list(each.values()))),
            'accuracy': float(table[:, 2].sum() / max(table[:, 3].sum(), 1)),
            'n_classes': len(there),
        }
        metrics.update({f'iou_{name}': value for name, value in each.items()})
        empty = [name for i, name in enumerate(names) if i not in there]
        left_out = f'; without shapes and left out: {", ".join(empty)}' if empty else ''
        listed = ', '.join(f'{name} {100 * value:.1f}' for name, value in each.items())
        print_log(
            f'parts: N = {len(table)} shapes: instance mIoU {100 * metrics["instance_miou"]:.1f} '
            f'%, class mIoU {100 * metrics["class_miou"]:.1f} % over {len(there)} categories '
            f'({listed}){left_out}; accuracy {100 * metrics["accuracy"]:.1f} %',
            logger='current',
        )
        return metrics
