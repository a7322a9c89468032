"""Segmentation of shapes into parts: fine-tuning, a linear probe, or from scratch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.downstream.backbone_model import (
    BackboneModel,
    context_channels,
    points_with_context,
)
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import ConfigError

Samples = Sequence[ShapeDataSample]


@MODELS.register_module()
class PartSegmentor(BackboneModel):
    """A backbone whose levels reach every point, with a head that names the point's part.

    As usual on ShapeNetPart (PointNet, Point-BERT), the category of a shape is given: the head gets
    it as a one-hot vector beside a point's feature and the largest feature of its shape, and a
    prediction is one of the category's parts. The backbone's weights are brought by a hook, so one
    config serves fine-tuning and training from scratch. Points with label -1 are left out.

    Args:
        backbone: Has ``forward_points``; usually the pre-training config's.
        head: ``ClassificationHead`` without ``in_channels``; its ``num_classes`` are the parts of
            all categories, K.
        num_categories: Categories of shapes; 0 tells the head none. Defaults to 16.
        freeze_backbone: The backbone gets no gradient and stays in eval mode, so that its
            batch-norm statistics stay too. Defaults to False.
        data_preprocessor: Defaults to ``ShapeDataPreprocessor``.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ConfigError: If the backbone has no features of points.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        num_categories: int = 16,
        freeze_backbone: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        preprocessor = data_preprocessor or dict(type='ShapeDataPreprocessor')
        super().__init__(backbone, freeze_backbone, preprocessor, init_cfg)
        self.num_categories = num_categories
        channels = context_channels(self.backbone) + num_categories
        self.seg_head = MODELS.build({**head, 'in_channels': channels})

    def logits(self, inputs: Tensor, categories: Tensor | None = None) -> Tensor:
        """Logits of all parts for all points.

        Args:
            inputs: ``(B, N, C)``.
            categories: Index of each shape's category, ``(B,)``, int64; None if there are no
                categories or they are unknown.

        Returns:
            ``(B, N, K)``.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_backbone):
            features = points_with_context(self.backbone, inputs)
        if self.num_categories:
            given = features.new_zeros(len(inputs), self.num_categories)
            if categories is not None:
                given = F.one_hot(categories, self.num_categories).to(features.dtype)
            known = given.unsqueeze(1).expand(-1, features.shape[1], -1)
            features = torch.cat([features, known], dim=-1)
        return self.seg_head(features.flatten(0, 1)).unflatten(0, features.shape[:2])

    def loss(self, inputs: Tensor, data_samples: Samples) -> dict[str, Tensor]:
        """Cross-entropy of the labelled points, and their accuracy to log.

        Raises:
            ConfigError: The samples have no labels of points, or a category that is none.
        """
        logits = self.logits(inputs, self._categories(data_samples, inputs)).flatten(0, 1).float()
        if any('point_labels' not in sample for sample in data_samples):
            raise ConfigError(
                'PartSegmentor trains on point_labels, which the data set does not give; use one '
                'with labels of points, such as ShapeNetPart.'
            )
        labels = torch.cat([sample.point_labels for sample in data_samples]).to(logits.device)
        labelled = (labels >= 0).sum().clamp(min=1)
        total = F.cross_entropy(logits, labels, ignore_index=-1, reduction='sum')
        right = (logits.argmax(1) == labels).sum()
        return dict(loss=total / labelled, accuracy=right / labelled)

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: Samples) -> list[ShapeDataSample]:
        """Give each sample the parts of its points, ``pred_labels (N,)``.

        Of a sample with ``parts``, the numbers of its category's parts, it is one of these.
        """
        logits = self.logits(inputs, self._categories(data_samples, inputs))
        for sample, rows in zip(data_samples, logits):
            if 'parts' in sample:
                parts = sample.parts.to(rows.device)
                sample.pred_labels = parts[rows[:, parts].argmax(1)]
            else:
                sample.pred_labels = rows.argmax(1)
        return list(data_samples)

    def _categories(self, data_samples: Samples, inputs: Tensor) -> Tensor | None:
        if not self.num_categories:
            return None
        categories = torch.stack([sample.label for sample in data_samples]).to(inputs.device)
        if not bool(((categories >= 0) & (categories < self.num_categories)).all()):
            raise ConfigError(
                f'PartSegmentor num_categories={self.num_categories}: a sample has the category '
                f'{int(categories.min())} to {int(categories.max())}; set it to the number of the '
                "data set's categories, or to 0."
            )
        return categories
