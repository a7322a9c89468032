"""The voxel encoder of SECOND and CenterPoint as a student, so that detectors can inherit it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.compat.mmdet3d_classes import import_mmdet3d
from mrd_plugin.compat.spconv_cpu import import_spconv
from mrd_plugin.ops.voxelize import cell_keys

_SECOND = ((16,), (32, 32, 32), (64, 64, 64), (64, 64, 64))
_SECOND_PADDINGS = ((1,), (1, 1, 1), (1, 1, 1), ((0, 1, 1), 1, 1))


@MODELS.register_module()
class SparseEncoderStudent(BaseModule):
    """``SparseEncoder`` of MMDetection3D whose stages are read at the input voxels.

    A detector looks at the encoder's last map from above; here every voxel gets the features of the
    cells that it lies in at each stage and in that last map, in a row. The modules are
    MMDetection3D's own and keep their names, so that a detector takes the weights as
    ``middle_encoder.*``.

    Args:
        in_channels: Features per voxel. Defaults to 4, x, y, z and intensity.
        sparse_shape: Cells along z, y, x, as detectors have it; ``point_range`` and ``voxel_size``
            of ``PairDataPreprocessor`` go with it. Defaults to SECOND's on KITTI, (41, 1600, 1408).
        output_channels: Of the last map. Defaults to 128.
        base_channels: Of the first convolution. Defaults to 16.
        encoder_channels: Of each stage. Defaults to SECOND's.
        encoder_paddings: Of each stage. Defaults to SECOND's.
        block_type: ``'conv_module'`` (SECOND) or ``'basicblock'`` (CenterPoint). Defaults to
            'conv_module'.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ImportError: If MMDetection3D or spconv is missing.
    """

    def __init__(
        self,
        in_channels: int = 4,
        sparse_shape: Sequence[int] = (41, 1600, 1408),
        output_channels: int = 128,
        base_channels: int = 16,
        encoder_channels: Sequence[Any] = _SECOND,
        encoder_paddings: Sequence[Any] = _SECOND_PADDINGS,
        block_type: str = 'conv_module',
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        network = import_mmdet3d('models.middle_encoders', 'SparseEncoder')(
            in_channels=in_channels,
            sparse_shape=list(sparse_shape),
            base_channels=base_channels,
            output_channels=output_channels,
            encoder_channels=_tuples(encoder_channels),
            encoder_paddings=_tuples(encoder_paddings),
            block_type=block_type,
        )
        self.in_channels = in_channels
        self.out_channels = sum(stage[-1] for stage in encoder_channels) + output_channels
        self.sparse_shape = list(sparse_shape)
        self.conv_input = network.conv_input
        self.encoder_layers = network.encoder_layers
        self.conv_out = network.conv_out

    def forward(self, voxel_features: Tensor, voxel_coords: Tensor, batch_size: int) -> Tensor:
        """Encode the occupied voxels of a batch.

        Args:
            voxel_features: ``(Nv, in_channels)``.
            voxel_coords: Sample and indices along x, y, z, ``(Nv, 4)``, int32.
            batch_size: Number of samples.

        Returns:
            ``(Nv, out_channels)``, float32; zeros for a stage that has no cell there.

        Raises:
            ValueError: If a voxel lies outside ``sparse_shape``.
        """
        cells = voxel_coords[:, [0, 3, 2, 1]].int().contiguous()
        highest = cells[:, 1:].amax(0).tolist()
        if any(top >= side for top, side in zip(highest, self.sparse_shape)):
            raise ValueError(
                f'Voxels reach the indices {highest} (z, y, x) and model.backbone.sparse_shape is '
                f'{self.sparse_shape}; set data_preprocessor.point_range and voxel_size to match.'
            )
        with torch.autocast(voxel_features.device.type, enabled=False):  # spconv knows no bfloat16
            x = import_spconv().SparseConvTensor(
                voxel_features.float(), cells, self.sparse_shape, batch_size
            )
            x = self.conv_input(x)
            stages = []
            for layer in self.encoder_layers:
                x = layer(x)
                stages.append(x)
            stages.append(self.conv_out(x))
            return torch.cat([self._at_voxels(stage, cells) for stage in stages], dim=1)

    def _at_voxels(self, stage: Any, cells: Tensor) -> Tensor:
        """Features of the cells of a coarser grid that voxels ``(Nv, 4)`` lie in, ``(Nv, C)``."""
        shape = list(stage.spatial_shape)
        # Sizes are halved with a rest that goes by the padding; a voxel at the rim belongs to the
        # last cell.
        levels = [round(math.log2(a / b)) for a, b in zip(self.sparse_shape, shape)]
        coarse = cells[:, 1:] >> cells.new_tensor(levels)
        coarse = torch.minimum(coarse, cells.new_tensor(shape) - 1)
        keys, order = cell_keys(stage.indices[:, 0], stage.indices[:, 1:], shape).sort()
        wanted = cell_keys(cells[:, 0], coarse, shape)
        row = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
        return stage.features[order[row]] * (keys[row] == wanted)[:, None]


def _tuples(value: Any) -> Any:
    """List as tuples, at every depth: MMDetection3D tells the two apart."""
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value
