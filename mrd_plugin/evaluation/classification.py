"""Accuracies that are not zero-shot by points alone, under names of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.registry import METRICS

from mrd_plugin.evaluation.zero_shot import ZeroShotAccuracy


@METRICS.register_module()
class ShapeAccuracy(ZeroShotAccuracy):
    """Accuracy of a trained classifier: ``accuracy/top1``, ``accuracy/mean_class_top1``, ``n``, ...

    Reads ``scores (K,)`` and ``label``, as :class:`ZeroShotAccuracy` does.

    Args:
        topk (Sequence[int]): The k of top-k. Defaults to (1, 5).
        **kwargs: See :class:`ZeroShotAccuracy`.
    """

    default_prefix = 'accuracy'
    title = 'classification'

    def __init__(self, topk: Sequence[int] = (1, 5), **kwargs: Any) -> None:
        super().__init__(topk=topk, **kwargs)


@METRICS.register_module()
class JointZeroShotAccuracy(ZeroShotAccuracy):
    """Zero-shot accuracy of points **and picture** together, ``zero_shot_joint/...``.

    A figure that has seen a picture at test time is no point-cloud figure, and must not stand beside
    one without saying so. Reads ``joint_scores (K,)``, or ``joint_embedding (D,)`` with the class
    features of the data set (``MixCon3D``); samples without a picture have neither and are left out,
    which ``n`` shows.
    """

    default_prefix = 'zero_shot_joint'
    title = 'zero-shot, point cloud and picture'
    scores_field = 'joint_scores'
    embedding_field = 'joint_embedding'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what :class:`ZeroShotAccuracy` keeps, of the samples with a picture."""
        super().process(data_batch, [s for s in data_samples if self.embedding_field in s])
