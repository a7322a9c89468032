"""What a pre-trained backbone under a head has in common, whatever the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from mmengine.model import BaseModel
from mmengine.registry import MODELS

Self = TypeVar('Self', bound='BackboneModel')


class BackboneModel(BaseModel):
    """A backbone that is trained, or stays as it is under a linear probe, in MMEngine's three modes.

    Subclasses write ``logits(inputs)``, ``loss(inputs, data_samples)`` and ``predict(inputs,
    data_samples)``. The backbone's weights are brought by ``PretrainedCoverageHook``, so one config
    serves fine-tuning and training from scratch.

    Args:
        backbone (dict): Usually the pre-training config's.
        freeze_backbone (bool): The backbone gets no gradient and stays in eval mode, so that its
            batch-norm statistics stay too.
        data_preprocessor (dict): See ``mrd_plugin.models.data_preprocessors``.
        init_cfg (dict, optional): MMEngine's initialisation config.
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

    def forward(
        self, inputs: Any, data_samples: Sequence[Any] | None = None, mode: str = 'tensor'
    ) -> Any:
        """Run one of MMEngine's three modes.

        Args:
            inputs (Any): What the preprocessor makes of a batch.
            data_samples (Sequence, optional): Needed by ``'loss'`` and ``'predict'``.
            mode (str): ``'loss'``, ``'predict'`` or ``'tensor'``.

        Returns:
            dict, list or Tensor: Named losses, samples with predictions, or logits.
        """
        if mode == 'tensor':
            return self.logits(inputs)
        assert data_samples is not None
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}.")
