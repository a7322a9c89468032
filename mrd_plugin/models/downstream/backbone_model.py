"""What the downstream models share: a pre-trained backbone under a head, and context for points."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeVar

import torch
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.three_modes import ThreeModes
from mrd_plugin.utils.errors import ConfigError


def context_channels(backbone: Any) -> int:
    """Width of :func:`points_with_context`.

    Raises:
        ConfigError: If the backbone has no features of points.
    """
    if not hasattr(backbone, 'forward_points'):
        raise ConfigError(
            f'model.backbone {type(backbone).__name__} has no features of points (forward_points); '
            'use a point transformer or a SparseResNet.'
        )
    return 2 * backbone.point_channels


def points_with_context(backbone: Any, points: Tensor) -> Tensor:
    """Features of points, and beside each the largest of all points of its cloud.

    Args:
        backbone: Has ``forward_points`` and ``point_channels`` C.
        points: ``(B, N, in_channels)``.

    Returns:
        ``(B, N, 2 C)``.
    """
    features = backbone.forward_points(points)
    largest = features.amax(dim=1, keepdim=True).expand_as(features)
    return torch.cat([features, largest], dim=-1)


Self = TypeVar('Self', bound='BackboneModel')


class BackboneModel(ThreeModes):
    """A backbone that is trained, or frozen under a linear probe, in MMEngine's three modes.

    Subclasses write ``logits(inputs)``, ``loss(inputs, data_samples)`` and ``predict(inputs,
    data_samples)``. The backbone's weights are brought by ``PretrainedCoverageHook``, so one config
    serves fine-tuning and training from scratch.

    Args:
        backbone: Usually the pre-training config's.
        freeze_backbone: The backbone gets no gradient and stays in eval mode, so that its
            batch-norm statistics stay too.
        data_preprocessor: See ``mrd_plugin.models.preprocessors``.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self,
        backbone: dict,
        freeze_backbone: bool,
        data_preprocessor: dict,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.freeze_backbone = freeze_backbone
        if freeze_backbone:
            self.backbone.requires_grad_(False)
            self.backbone.eval()

    def train(self: Self, mode: bool = True) -> Self:
        """Set the mode; a frozen backbone stays in eval mode."""
        super().train(mode)
        if self.freeze_backbone:
            self.backbone.eval()
        return self

    @abstractmethod
    def logits(self, inputs: Any) -> Tensor:
        """Logits of a batch."""

    def embed(self, inputs: Any) -> Tensor:
        """Return the logits: what MMEngine's mode ``'tensor'`` gives."""
        return self.logits(inputs)
