"""Classification of shapes: a pre-trained backbone under an MLP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.downstream.backbone_model import BackboneModel
from mrd_plugin.structures import ShapeDataSample


@MODELS.register_module()
class ClassificationHead(BaseModule):
    """A linear layer, or hidden layers with batch norm, ReLU and dropout before it.

    Args:
        in_channels: The backbone's ``out_channels``.
        num_classes: Classes K.
        hidden_channels: Widths of the hidden layers; (256, 256) is usual for fine-tuning. Defaults
            to (), a linear probe behind a batch norm without learnt scale (MAE, arXiv 2111.06377),
            which makes its learning rate the same for every backbone.
        dropout: Behind every hidden layer. Defaults to 0.5.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        hidden_channels: Sequence[int] = (),
        dropout: float = 0.5,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_classes = num_classes
        layers: list[nn.Module] = []
        if not hidden_channels:
            layers.append(nn.BatchNorm1d(in_channels, affine=False))
        for width in hidden_channels:
            layers += [nn.Linear(in_channels, width, bias=False), nn.BatchNorm1d(width)]
            layers += [nn.ReLU(inplace=True), nn.Dropout(dropout)]
            in_channels = width
        self.layers = nn.Sequential(*layers, nn.Linear(in_channels, num_classes))

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, in_channels)`` to logits ``(B, num_classes)``."""
        return self.layers(features)


@MODELS.register_module()
class ShapeClassifier(BackboneModel):
    """A backbone with a head, trained by cross-entropy.

    The backbone's weights are brought by ``PretrainedCoverageHook``, so one config serves
    fine-tuning and training from scratch. A sample with label -1 is left out.

    Args:
        backbone: Maps points ``(B, N, C)`` to ``(B, F)``; usually the pre-training config's.
        head: ``ClassificationHead``: features to logits ``(B, K)``.
        label_smoothing: Share of the target that is spread evenly, [0, 1). Defaults to 0.1.
        freeze_backbone: A linear probe: the backbone gets no gradient and stays in eval mode, so
            that its batch-norm statistics stay too. Defaults to False.
        num_test_views: In ``predict``, cut the cloud into so many disjoint parts and average their
            probabilities, see :class:`BasePretrainer`. Defaults to 1.
        data_preprocessor: Defaults to ``ShapeDataPreprocessor``.
        init_cfg: MMEngine's initialisation config.
    """

    FEATURES: ClassVar[tuple[str, ...]] = ('backbone',)

    def __init__(
        self,
        backbone: dict,
        head: dict,
        label_smoothing: float = 0.1,
        freeze_backbone: bool = False,
        num_test_views: int = 1,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        preprocessor = data_preprocessor or dict(type='ShapeDataPreprocessor')
        super().__init__(backbone, freeze_backbone, preprocessor, init_cfg)
        self.cls_head = MODELS.build(head)
        self.label_smoothing = label_smoothing
        self.num_test_views = num_test_views

    def logits(self, inputs: Tensor) -> Tensor:
        """Class logits ``(B, K)`` of points ``(B, N, C)``."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_backbone):
            features = self.backbone(inputs)
        return self.cls_head(features)

    def features(self, inputs: Tensor, name: str = 'backbone') -> Tensor:
        """Backbone features ``(B, F)`` of points ``(B, N, C)``, for a probe."""
        return self.backbone(inputs)

    def loss(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> dict[str, Tensor]:
        """Cross-entropy of the labelled samples, and their accuracy to log."""
        logits = self.logits(inputs).float()
        labels = torch.stack([sample.label for sample in data_samples]).to(logits.device)
        labelled = (labels >= 0).sum().clamp(min=1)
        total = F.cross_entropy(
            logits, labels, ignore_index=-1, label_smoothing=self.label_smoothing, reduction='sum'
        )
        right = (logits.argmax(1) == labels).sum()
        return dict(loss=total / labelled, accuracy=right / labelled)

    @torch.no_grad()
    def predict(
        self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]
    ) -> list[ShapeDataSample]:
        """Give each sample its class probabilities as ``scores (K,)``."""
        views = inputs.chunk(self.num_test_views, dim=1)
        scores = torch.stack([self.logits(view).float().softmax(1) for view in views]).mean(0)
        for sample, row in zip(data_samples, scores):
            sample.scores = row.clone()
        return list(data_samples)
