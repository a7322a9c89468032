"""A point transformer as the backbone of MMDetection3D's VoteNet and GroupFree3D."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.ops import furthest_point_sample, gather_points, three_interpolate
from mrd_plugin.utils.errors import ConfigError

_TURNS = {'x': [2, 0, 1], 'y': [1, 2, 0], 'z': [0, 1, 2]}
"""Columns of a z-up cloud in the order of a frame with another axis up: a proper rotation."""


@MODELS.register_module()
class PointSeedBackbone(BaseModule):
    """Seeds with features, as of ``PointNet2SASSG``, from the tokens of a point transformer.

    The seeds are furthest points of the scene. Each gets the features of all levels from the three
    nearest patch centres (:meth:`PatchBackbone.forward_points`), and a shared MLP brings them to
    the width that the head expects, as the last feature propagation of PointNet++ does.

    Detectors give points in metres with z up. What the transformer was pre-trained on may differ,
    and

    Args:
        backbone: A patch backbone, ``PointPatchTransformer``, ``PointBERT`` or ``Uni3DViT``.
        out_channels: Width of a seed's features. Defaults to 256 (VoteNet; GroupFree3D: 288).
        num_seeds: Seeds M. Defaults to 1024.
        up_axis: Axis that points up in the transformer's frame. Defaults to 'z'.
        scale: Units of the transformer's frame in a metre: 1 for one pre-trained on rooms in
            metres, about 0.5 for one pre-trained on shapes in the unit ball. Defaults to 1.
        missing: Values of the transformer's last channels, where the detector's points lack them:
            ``(0.4, 0.4, 0.4)`` for points without colour, ``(0.0,)`` for a size that is unknown.
            Defaults to (): the points have what ``backbone.in_channels`` asks for.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ConfigError: If ``up_axis`` is no axis or the backbone has no patches.
    """

    def __init__(
        self,
        backbone: dict,
        out_channels: int = 256,
        num_seeds: int = 1024,
        up_axis: str = 'z',
        scale: float = 1.0,
        missing: Sequence[float] = (),
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if up_axis not in _TURNS:
            raise ConfigError(
                f"model.backbone.up_axis={up_axis!r}: expected 'x', 'y' or 'z', the axis that "
                'pointed up in pre-training.'
            )
        self.backbone = MODELS.build(backbone)
        if not hasattr(self.backbone, 'forward_features'):
            raise ConfigError(
                f'model.backbone.backbone: {type(self.backbone).__name__} has no patches to read '
                'seeds from; use PointPatchTransformer, PointBERT or Uni3DViT.'
            )
        self.num_seeds = num_seeds
        self.up_axis = up_axis
        self.scale = scale
        self.missing = tuple(missing)
        self.out_channels = out_channels
        layers: list[nn.Module] = []
        for width in (self.backbone.point_channels, out_channels):
            layers += [
                nn.Conv1d(width, out_channels, 1, bias=False),
                nn.BatchNorm1d(out_channels),
                nn.ReLU(inplace=True),
            ]
        self.mlp = nn.Sequential(*layers)

    def forward(self, points: Tensor) -> dict[str, list[Tensor]]:
        """Encode the points of a scene and choose seeds.

        Args:
            points: ``(B, N, 3 + C)``: x, y, z in metres with z up, and what the data pipeline
                appends, in the order of the transformer's channels.

        Returns:
            Lists of one level: ``fp_xyz`` with the seeds ``(B, M, 3)`` in the frame of the points,
            ``fp_features`` ``(B, out_channels, M)``, and ``fp_indices`` with the seeds' rows among
            the points ``(B, M)``, int64.

        Raises:
            ValueError: If the points have other channels than the transformer.
        """
        inputs = self._as_pretrained(points)
        levels = self.backbone.forward_features(inputs)
        indices = furthest_point_sample(points[..., :3].contiguous(), self.num_seeds)
        seeds = gather_points(points[..., :3], indices)
        tokens = torch.cat([level.tokens for level in levels], dim=-1).float()
        # in the transformer's frame, in which its patch centres are
        where = gather_points(inputs[..., :3], indices)
        features = three_interpolate(where, levels[0].centres, tokens)
        features = self.mlp(features.transpose(1, 2))
        return dict(fp_xyz=[seeds], fp_features=[features], fp_indices=[indices])

    def _as_pretrained(self, points: Tensor) -> Tensor:
        """Points ``(B, N, 3 + C)`` in the frame, the unit and the channels of the transformer."""
        xyz = points[..., _TURNS[self.up_axis]] * self.scale
        missing = points.new_tensor(self.missing).expand(*points.shape[:2], -1)
        return torch.cat([xyz, points[..., 3:], missing], dim=-1)
