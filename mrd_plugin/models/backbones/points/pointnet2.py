"""PointNet++ of VoteNet as a student, so that VoteNet can inherit it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.compat.mmdet3d_classes import import_mmdet3d
from mrd_plugin.models.backbones.points.patch_backbone import PatchTokens, check_channels

_SA_CHANNELS = ((64, 64, 128), (128, 128, 256), (128, 128, 256), (128, 128, 256))


@MODELS.register_module()
class PointNet2Student(BaseModule):
    """``PointNet2SASSG`` of MMDetection3D whose seeds are tokens for a concept head to read.

    Four set abstractions and two feature propagations (Qi et al. 2017, arXiv 1706.02413; sizes of
    VoteNet, arXiv 1904.09664). The modules are MMDetection3D's own and keep their names, so that a
    detector takes the weights under ``backbone.`` as they are. PointNet++ has no class token: the
    maximum over the seeds replaces it.

    On a CPU the operators come from ``mrd_plugin.compat.mmcv_cpu``.

    Args:
        in_channels: Channels of the points: 4 for xyz and height (VoteNet). Defaults to 4.
        num_points: Points that each set abstraction leaves. Defaults to VoteNet's.
        radius: Their balls, metres. Defaults to VoteNet's.
        num_samples: Points a ball. Defaults to VoteNet's.
        sa_channels: Widths of their layers. Defaults to VoteNet's.
        fp_channels: Widths of the feature propagations. Defaults to VoteNet's.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ImportError: If MMDetection3D is missing; names the command.
    """

    def __init__(
        self,
        in_channels: int = 4,
        num_points: Sequence[int] = (2048, 1024, 512, 256),
        radius: Sequence[float] = (0.2, 0.4, 0.8, 1.2),
        num_samples: Sequence[int] = (64, 32, 16, 16),
        sa_channels: Sequence[Sequence[int]] = _SA_CHANNELS,
        fp_channels: Sequence[Sequence[int]] = ((256, 256), (256, 256)),
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        network: Any = import_mmdet3d('models.backbones', 'PointNet2SASSG')(
            in_channels=in_channels,
            num_points=tuple(num_points),
            radius=tuple(radius),
            num_samples=tuple(num_samples),
            sa_channels=tuple(tuple(widths) for widths in sa_channels),
            fp_channels=tuple(tuple(widths) for widths in fp_channels),
        )
        self.in_channels = in_channels
        self.token_channels = self.out_channels = fp_channels[-1][-1]
        self.SA_modules = network.SA_modules
        self.FP_modules = network.FP_modules

    def forward_tokens(self, points: Tensor) -> PatchTokens:
        """Encode points ``(B, N, in_channels)`` to seeds: their places, features, and maximum."""
        check_channels(self, points)
        xyz = points[..., :3].contiguous()
        features = points[..., 3:].transpose(1, 2).contiguous() if self.in_channels > 3 else None
        levels = [(xyz, features)]
        for module in self.SA_modules:
            xyz, features, _ = module(xyz, features)
            levels.append((xyz, features))
        for step, module in enumerate(self.FP_modules):
            (finer, skipped), (coarser, _) = levels[-2 - step], levels[-1 - step]
            features = module(finer, coarser, skipped, features)
            xyz = finer
        assert features is not None
        tokens = features.transpose(1, 2)
        return PatchTokens(xyz, tokens, tokens.amax(1))

    def forward(self, points: Tensor) -> Tensor:
        """Encode points ``(B, N, in_channels)`` to one feature per scene, ``(B, out_channels)``."""
        return self.forward_tokens(points).cls
