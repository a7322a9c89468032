"""Semantic segmentation of sweeps: fine-tuning, a linear probe, or from scratch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.downstream.backbone_model import BackboneModel
from mrd_plugin.structures import PairBatch, PairDataSample
from mrd_plugin.utils.errors import ConfigError


@MODELS.register_module()
class PointSegmentor(BackboneModel):
    """A voxel backbone with one linear layer, trained by cross-entropy and Lovász-Softmax.

    The protocol of SLidR (arXiv 2203.16258, section 4.2): each point takes the logits of its voxel,
    and points, not voxels, are scored. The backbone's weights are brought by
    ``PretrainedCoverageHook``, so one config serves fine-tuning and training from scratch. Points
    with label -1 are left out.

    Args:
        backbone: Maps voxels to ``(Nv, out_channels)``; usually the pre-training config's.
        num_classes: Classes K.
        lovasz_weight: Weight of ``mmdet3d.LovaszLoss`` beside the cross-entropy. Defaults to 1.
        freeze_backbone: A linear probe: the backbone gets no gradient and stays in eval mode, so
            that its batch-norm statistics stay too. Defaults to False.
        data_preprocessor: Defaults to ``PairDataPreprocessor``.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ConfigError: If the preprocessor drops points, which would then have no prediction.
    """

    def __init__(
        self,
        backbone: dict,
        num_classes: int,
        lovasz_weight: float = 1.0,
        freeze_backbone: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        preprocessor = data_preprocessor or dict(type='PairDataPreprocessor')
        super().__init__(backbone, freeze_backbone, preprocessor, init_cfg)
        if self.data_preprocessor.point_range is not None:
            raise ConfigError(
                'model.data_preprocessor.point_range drops points, but every point of a sweep is '
                'scored; set it to None.'
            )
        self.seg_head = nn.Linear(self.backbone.out_channels, num_classes)
        self.lovasz = None
        if lovasz_weight:
            loss = dict(type='mmdet3d.LovaszLoss', reduction='none', loss_weight=lovasz_weight)
            self.lovasz = MODELS.build(loss)

    def logits(self, batch: PairBatch) -> Tensor:
        """Class logits ``(ΣN, K)`` of all points."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_backbone):
            voxels = self.backbone(batch.voxel_features, batch.voxel_coords, batch.batch_size)
        return self.seg_head(voxels)[batch.point2voxel]

    def loss(self, batch: PairBatch, data_samples: Sequence[PairDataSample]) -> dict[str, Tensor]:
        """Losses of the labelled points, and their accuracy to log.

        Raises:
            ConfigError: The batch has no labels.
        """
        if batch.point_labels is None:
            raise ConfigError(
                'PointSegmentor trains on point_labels, which the data set does not give; use one '
                'with labels.'
            )
        logits = self.logits(batch).float()
        labelled = batch.point_labels >= 0
        logits, labels = logits[labelled], batch.point_labels[labelled]
        if not len(labels):  # no mean over nothing; the graph stays whole for DDP
            return dict(loss_ce=logits.sum())
        losses = dict(loss_ce=F.cross_entropy(logits, labels))
        if self.lovasz is not None:
            losses['loss_lovasz'] = self.lovasz(logits, labels, ignore_index=None)
        losses['accuracy'] = (logits.argmax(1) == labels).float().mean()
        return losses

    @torch.no_grad()
    def predict(
        self, batch: PairBatch, data_samples: Sequence[PairDataSample]
    ) -> list[PairDataSample]:
        """Give each sample the classes of its points, ``pred_labels (N,)``."""
        labels = self.logits(batch).argmax(1)
        counts = torch.bincount(batch.point_batch, minlength=batch.batch_size).tolist()
        for sample, part in zip(data_samples, labels.split(counts)):
            sample.pred_labels = part.clone()
        return list(data_samples)
