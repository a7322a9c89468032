"""Segmentation of rooms with MMDetection3D's segmentor and a backbone of shapes.

It needs MMDetection3D, so that the package does not import it by itself: a config names this module
in its ``custom_imports``.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.compat.mmdet3d_classes import import_mmdet3d
from mrd_plugin.models.downstream.backbone_model import context_channels, points_with_context
from mrd_plugin.utils.errors import ConfigError

EncoderDecoder3D: Any = import_mmdet3d('models.segmentors', 'EncoderDecoder3D')


@MODELS.register_module()
class SceneSegmentor(EncoderDecoder3D):
    """``EncoderDecoder3D`` whose backbone is one of shapes; all else is MMDetection3D's.

    A room is cut into columns, as MMDetection3D does it (``IndoorPatchPointSample`` in training,
    windows that overlap in a test). Each column is brought into the unit ball, which is what the
    backbones were pre-trained on, and its points get the backbone's levels and the largest feature
    of the column, under ``fa_points``, where ``DGCNNHead`` looks for them. (Interpretation: no
    method of this package publishes a recipe for rooms.)

    Args:
        backbone: Has ``forward_points``; usually the pre-training config's. Its ``in_channels`` are
            those of the points: 6 for xyz and colours in [0, 1].
        decode_head: ``mmdet3d.DGCNNHead`` or the like, whose ``fp_channels`` begin with twice the
            ``point_channels`` of the backbone.
        freeze_backbone: The backbone gets no gradient and stays in eval mode. Defaults to False.
        **kwargs: See ``EncoderDecoder3D``: ``test_cfg``, ``data_preprocessor``, ...

    Raises:
        ConfigError: If the backbone has no features of points, or the head expects others.
        ImportError: If MMDetection3D is missing.
    """

    def __init__(
        self, backbone: dict, decode_head: dict, freeze_backbone: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(backbone=backbone, decode_head=decode_head, **kwargs)
        width, given = context_channels(self.backbone), decode_head.get('fp_channels')
        if given is not None and given[0] != width:
            raise ConfigError(
                f'model.decode_head.fp_channels={tuple(given)}: the backbone gives {width} '
                f'features per point; set the first of them to {width}.'
            )
        self.freeze_backbone = freeze_backbone
        if freeze_backbone:
            self.backbone.requires_grad_(False)
            self.backbone.eval()

    def train(self, mode: bool = True) -> SceneSegmentor:
        """Set the mode; a frozen backbone stays in eval mode."""
        super().train(mode)
        if self.freeze_backbone:
            self.backbone.eval()
        return self

    def extract_feat(self, batch_inputs: Tensor) -> dict[str, Tensor]:
        """Features ``(B, N, C)`` of the points of columns ``(B, N, in_channels)``: ``fa_points``.

        Raises:
            ConfigError: If colours are not in [0, 1].
        """
        if batch_inputs.shape[-1] > 3 and float(batch_inputs[..., 3:6].max()) > 1 + 1e-3:
            raise ConfigError(
                f'SceneSegmentor: the colours go up to {float(batch_inputs[..., 3:6].max()):g}, '
                'expected [0, 1]; put NormalizePointsColor(color_mean=None) into the pipeline.'
            )
        points = torch.cat([unit_ball(batch_inputs[..., :3]), batch_inputs[..., 3:]], dim=-1)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_backbone):
            return dict(fa_points=points_with_context(self.backbone, points))


def unit_ball(xyz: Tensor) -> Tensor:
    """Centre and scale points ``(B, N, 3)`` into the unit ball, as ``CenterScaleUnitBall``."""
    xyz = xyz - xyz.mean(dim=1, keepdim=True)
    largest = xyz.norm(dim=-1).amax(dim=1)[:, None, None]
    return xyz / largest.clamp(min=1e-6)
