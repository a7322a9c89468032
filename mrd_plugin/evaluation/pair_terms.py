"""Mean terms of a LiDAR pre-trainer on sweeps that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS


@METRICS.register_module()
class PairTerms(BaseMetric):
    """Mean of a pre-trainer's terms over the validation sweeps: losses, match rates, codes, PSNR.

    A checkpoint can be chosen by one of them, e.g. ``save_best='pairs/loss_contrast'``. Chance
    levels go by the number of pairs of a batch: compare runs with one batch size.

    Args:
        collect_device: Defaults to 'cpu'.
        prefix: Defaults to 'pairs'.
    """

    def __init__(self, collect_device: str = 'cpu', prefix: str = 'pairs') -> None:
        super().__init__(collect_device, prefix)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the ``terms`` of each sample."""
        self.results.extend(sample['terms'] for sample in data_samples)

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """Average each term over the samples that have it; ``n`` is the number of samples."""
        names = dict.fromkeys(name for terms in results for name in terms)
        found = {name: [terms[name] for terms in results if name in terms] for name in names}
        means = {name: sum(values) / len(values) for name, values in found.items()}
        return {**means, 'n': len(results)}
