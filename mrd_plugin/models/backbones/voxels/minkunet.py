"""MinkUNet of MMDetection3D as a student of image-to-LiDAR methods."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.compat.mmdet3d_classes import import_mmdet3d
from mrd_plugin.compat.spconv_cpu import import_spconv
from mrd_plugin.utils.errors import ConfigError

DEPTHS = {18: (2, 2, 2, 2), 34: (2, 3, 4, 6)}


@MODELS.register_module()
class MinkUNetStudent(BaseModule):
    """``MinkUNetBackbone`` of MMDetection3D on spconv, told its batch size and grid.

    The modules are MMDetection3D's own and keep their names, so that its MinkUNet configs take the
    weights as they are. Two things differ in the forward pass: the grid is a multiple of the
    coarsest stride (MMDetection3D cuts it at the last voxel, and where its side is odd, strided
    convolutions lose the voxels there), and the batch size is given rather than read off the last
    voxel.

    Args:
        in_channels: Features per voxel. Defaults to 1, intensity.
        depth: 18 or 34, by the blocks of the four encoder stages. Defaults to 34.
        base_channels: Of the stem. Defaults to 32.
        encoder_channels: Of the stages. Defaults to (32, 64, 128, 256).
        decoder_channels: Of the stages; the last one is the output. Defaults to (256, 128, 96, 96).
        stem_convs: Convolutions of the stem: 2 as in MMDetection3D, 1 as in the Res16UNet34C of
            SLidR and CMCR, whose published weights have no more. Defaults to 2.
        norm_momentum: Of batch norm. Defaults to 0.1; SLidR and CMCR have 0.05.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ConfigError: If ``depth`` or ``stem_convs`` is unknown.
        ImportError: If MMDetection3D or spconv is missing.

    Examples:
        >>> import torch
        >>> student = MinkUNetStudent(
        ...     in_channels=1, depth=18, base_channels=8,
        ...     encoder_channels=(8, 8, 8, 8), decoder_channels=(8, 8, 8, 8),
        ... ).eval()
        >>> coords = torch.tensor([[0, 0, 0, 0], [0, 5, 3, 1], [1, 2, 2, 2]], dtype=torch.int32)
        >>> intensity = torch.rand(3, 1)
        >>> student(intensity, coords, batch_size=2).shape  # one feature per voxel
        torch.Size([3, 8])
    """

    def __init__(
        self,
        in_channels: int = 1,
        depth: int = 34,
        base_channels: int = 32,
        encoder_channels: Sequence[int] = (32, 64, 128, 256),
        decoder_channels: Sequence[int] = (256, 128, 96, 96),
        stem_convs: int = 2,
        norm_momentum: float = 0.1,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if depth not in DEPTHS or stem_convs not in (1, 2):
            raise ConfigError(
                f'MinkUNetStudent depth={depth}, stem_convs={stem_convs}: expected a depth of '
                f'{tuple(DEPTHS)} and 1 or 2 convolutions.'
            )
        network = import_mmdet3d('models.backbones', 'MinkUNetBackbone')(
            in_channels=in_channels,
            base_channels=base_channels,
            num_stages=4,
            encoder_channels=list(encoder_channels),  # MMDetection3D inserts into these lists
            encoder_blocks=list(DEPTHS[depth]),
            decoder_channels=list(decoder_channels),
            decoder_blocks=[2, 2, 2, 2],
            sparseconv_backend='spconv',
        )
        self.in_channels = in_channels
        self.out_channels = decoder_channels[-1]
        self.conv_input = network.conv_input[:stem_convs]
        self.encoder = network.encoder
        self.decoder = network.decoder
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.momentum = norm_momentum

    def forward(self, voxel_features: Tensor, voxel_coords: Tensor, batch_size: int) -> Tensor:
        """Encode the occupied voxels of a batch.

        Args:
            voxel_features: ``(Nv, in_channels)``.
            voxel_coords: Sample and indices along x, y, z, none negative, ``(Nv, 4)``, int32.
            batch_size: Number of samples.

        Returns:
            ``(Nv, out_channels)``, float32 whatever the autocast.
        """
        stride = 2 ** len(self.encoder)
        shape = [(side // stride + 1) * stride for side in voxel_coords[:, 1:].amax(0).tolist()]
        with torch.autocast(voxel_features.device.type, enabled=False):  # spconv knows no bfloat16
            x = import_spconv().SparseConvTensor(
                voxel_features.float(), voxel_coords.int().contiguous(), shape, batch_size
            )
            x = self.conv_input(x)
            skipped = [x]
            for stage in self.encoder:
                x = stage(x)
                skipped.append(x)
            for stage, skip in zip(self.decoder, skipped[-2::-1]):
                up, blocks = stage
                x = up(x)
                x = blocks(x.replace_feature(torch.cat([x.features, skip.features], dim=1)))
        return x.features
