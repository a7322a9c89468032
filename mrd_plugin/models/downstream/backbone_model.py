"""The base of all downstream models: a pre-trained backbone under a head."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeVar

from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.three_modes import ThreeModes

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
