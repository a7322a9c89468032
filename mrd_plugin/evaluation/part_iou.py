"""Mean intersection over union of parts, by shape and by category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.registry import METRICS


@METRICS.register_module()
class PartIoU(BaseMetric):
    """IoU of parts as ShapeNetPart counts it (Qi et al. 2017, PointNet, section 5.1).

    The IoU of a shape is the mean over all parts that its category has; a part that is neither there nor
    predicted counts 1. Reads ``point_labels (N,)``, ``pred_labels (N,)``, ``parts``, the numbers of the
    category's parts, and ``label``, the category; points with label -1 are left out.

    Returns, as fractions: ``n`` (shapes), ``instance_miou``, the mean over the shapes, ``class_miou``, the mean
    over the categories of their shapes' mean, ``accuracy`` (of points), ``n_classes`` and
    ``iou_<category>``. A category without shapes is named in the log and left out.
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
        """Figures of all shapes together."""
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
            f'parts: N = {len(table)} shapes: instance mIoU {100 * metrics["instance_miou"]:.1f} %, class '
            f'mIoU {100 * metrics["class_miou"]:.1f} % over {len(there)} categories ({listed}){left_out}; '
            f'accuracy {100 * metrics["accuracy"]:.1f} %',
            logger='current',
        )
        return metrics
