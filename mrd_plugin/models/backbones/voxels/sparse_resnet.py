"""SparseResNet: OpenShape's and TAMM's sparse-convolutional student ("SparseConv", MinkResNet34).

Voxels of 0.02, a 5x5x5 stem, four strided stages of residual blocks whose outputs are given back to
the finest voxels and joined, two strided convolutions, maximum and mean over the shape, an MLP
(OpenShape, Liu et al. 2023, arXiv 2305.10764; layout from its released code). Here on spconv. What
MinkowskiEngine does otherwise is followed: a strided convolution has an output where the cell of
the coarser grid holds an input, and nowhere else. Attribute names are those of the published
checkpoints without the levels that MinkowskiEngine adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mrd_plugin.compat.spconv_cpu import import_spconv
from mrd_plugin.models.backbones.points.patch_backbone import PatchTokens, check_channels
from mrd_plugin.models.backbones.voxels.voxels import mean_voxels, rows_of_cells

STEM = 32
PLANES = (32, 64, 128, 256)
TOP = (512, 1024)
COARSEST = 2 ** len(PLANES)


class SparseBasicBlock(nn.Module):
    """Two 3x3x3 convolutions on the occupied voxels with a residual branch.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        key: Name of the voxel set, whose neighbour table the convolutions share.
    """

    def __init__(self, in_channels: int, out_channels: int, key: str) -> None:
        super().__init__()
        conv = import_spconv().SubMConv3d
        self.conv1 = conv(in_channels, out_channels, 3, bias=False, indice_key=key)
        self.norm1 = nn.BatchNorm1d(out_channels)
        self.conv2 = conv(out_channels, out_channels, 3, bias=False, indice_key=key)
        self.norm2 = nn.BatchNorm1d(out_channels)
        self.downsample = None
        if in_channels != out_channels:
            self.downsample = nn.ModuleList(
                [conv(in_channels, out_channels, 1, bias=False), nn.BatchNorm1d(out_channels)]
            )

    def forward(self, x: Any) -> Any:
        """Map a ``SparseConvTensor`` to one on the same voxels."""
        out = self.conv1(x)
        out = self.conv2(out.replace_feature(F.relu(self.norm1(out.features), inplace=True)))
        shortcut = x.features
        if self.downsample is not None:
            conv, norm = self.downsample
            shortcut = norm(conv(x).features)
        return out.replace_feature(F.relu(self.norm2(out.features) + shortcut, inplace=True))


@MODELS.register_module()
class SparseResNet34(BaseModule):
    """MinkResNet34 on spconv; 41.3 M parameters with OpenShape's 1280-d projection.

    Args:
        in_channels: Channels of the points, xyz + rgb. Defaults to 6.
        voxel_size: Edge of a voxel in the unit of the points (unit ball). Defaults to 0.02.
        tail_channels: Widths of the final layers (linear without bias, batch norm, LeakyReLU)
            before the projection: (1024, 1024) in OpenShape, (1280,) in TAMM. Defaults to (1024,
            1024).
        dropout: Before every final layer but the first. Defaults to 0.5, MinkowskiEngine's default.
        with_cp: Recompute the activations of residual blocks in the backward pass. Defaults to
            False.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ImportError: If spconv is not installed.
    """

    num_blocks: tuple[int, ...] = (3, 4, 6, 3)

    def __init__(
        self,
        in_channels: int = 6,
        voxel_size: float = 0.02,
        tail_channels: Sequence[int] = (1024, 1024),
        dropout: float = 0.5,
        with_cp: bool = False,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        spconv = import_spconv()
        self.in_channels = in_channels
        self.out_channels = tail_channels[-1]
        self.token_channels = self.point_channels = sum(PLANES)
        self.voxel_size = voxel_size
        self.with_cp = with_cp
        self.conv0p1s1 = spconv.SubMConv3d(in_channels, STEM, 5, bias=False, indice_key='stem')
        self.bn0 = nn.BatchNorm1d(STEM)
        width = STEM
        for level, (planes, depth) in enumerate(zip(PLANES, self.num_blocks), start=1):
            conv = spconv.SparseConv3d(width, width, 2, stride=2, bias=False)
            self.add_module(f'conv{level}p{2 ** (level - 1)}s2', conv)
            self.add_module(f'bn{level}', nn.BatchNorm1d(width))
            widths = [width] + [planes] * depth
            blocks = [SparseBasicBlock(a, b, f'level{level}') for a, b in zip(widths, widths[1:])]
            self.add_module(f'block{level}', nn.ModuleList(blocks))
            width = planes
        widths = [sum(PLANES), *TOP]
        self.conv5 = nn.ModuleList(
            nn.ModuleList(
                [spconv.SparseConv3d(a, b, 3, 2, padding=1, bias=False), nn.BatchNorm1d(b)]
            )
            for a, b in zip(widths, widths[1:])
        )
        self.final = _tail([2 * TOP[-1], *tail_channels], dropout)

    def forward(self, points: Tensor) -> Tensor:
        """Encode points ``(B, N, in_channels)`` to one feature per shape, ``(B, out_channels)``."""
        return self.forward_tokens(points).cls

    def forward_tokens(self, points: Tensor) -> PatchTokens:
        """Encode points: each is a centre, its joined stages ``(B, N, 480)`` are the tokens."""
        with torch.autocast(points.device.type, enabled=False):  # spconv knows no bfloat16
            voxels, stages = self._encode(points)
            joined = torch.cat(stages, dim=1)
            cls = self._pool(voxels, joined, len(points))
        tokens = joined[voxels.of_point].view(*points.shape[:2], -1)
        return PatchTokens(points[..., :3], tokens, cls)

    def forward_features(self, points: Tensor) -> tuple[PatchTokens, ...]:
        """Encode points to the outputs of the four stages, fine to coarse, at every point.

        The shape feature of a level is the mean of its tokens.
        """
        with torch.autocast(points.device.type, enabled=False):
            voxels, stages = self._encode(points)
        tokens = [stage[voxels.of_point].view(*points.shape[:2], -1) for stage in stages]
        return tuple(PatchTokens(points[..., :3], level, level.mean(1)) for level in tokens)

    def forward_points(self, points: Tensor) -> Tensor:
        """Give each point its feature, the four stages in a row: ``(B, N, point_channels)``."""
        return torch.cat([level.tokens for level in self.forward_features(points)], dim=-1)

    def _encode(self, points: Tensor) -> tuple[Any, list[Tensor]]:
        """Run the four stages; their outputs ``(M, C)`` are given at the finest voxels."""
        check_channels(self, points)
        voxels = mean_voxels(points.float(), self.voxel_size, COARSEST)
        tensor = import_spconv().SparseConvTensor
        x = tensor(voxels.features, voxels.indices, voxels.shape, len(points))
        x = self.conv0p1s1(x)
        x = x.replace_feature(F.relu(self.bn0(x.features), inplace=True))
        stages = []
        for level in range(1, len(PLANES) + 1):
            x = getattr(self, f'conv{level}p{2 ** (level - 1)}s2')(x)
            norm = getattr(self, f'bn{level}')
            x = x.replace_feature(F.relu(norm(x.features), inplace=True))
            for block in getattr(self, f'block{level}'):
                x = self._run(block, x)
            cells = torch.cat([voxels.indices[:, :1], voxels.indices[:, 1:] >> level], dim=1)
            stages.append(x.features[rows_of_cells(x.indices, cells, x.spatial_shape)])
        return voxels, stages

    def _run(self, block: nn.Module, x: Any) -> Any:
        if not (self.with_cp and x.features.requires_grad):
            return block(x)

        def on_features(features: Tensor) -> Tensor:
            return block(x.replace_feature(features)).features

        def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
            return nullcontext(), _buffers_kept(block)

        features = checkpoint(on_features, x.features, use_reentrant=False, context_fn=contexts)
        return x.replace_feature(features)

    def _pool(self, voxels: Any, joined: Tensor, batch: int) -> Tensor:
        """Reduce the joined stages ``(M, 480)`` to one feature per shape, ``(B, out_channels)``."""
        tensor = import_spconv().SparseConvTensor
        x = tensor(joined, voxels.indices, voxels.shape, batch)
        for layer in self.conv5:
            conv, norm = cast(nn.ModuleList, layer)
            x = _strided(conv, x)
            x = x.replace_feature(F.leaky_relu(norm(x.features)))
        sample = x.indices[:, 0].long()
        index = sample[:, None].expand_as(x.features)
        empty = x.features.new_zeros(batch, x.features.shape[1])
        highest = empty.scatter_reduce(0, index, x.features, 'amax', include_self=False)
        mean = empty.scatter_reduce(0, index, x.features, 'mean', include_self=False)
        return self.final(torch.cat([highest, mean], dim=1))


@contextmanager
def _buffers_kept(module: nn.Module) -> Iterator[None]:
    """Undo what happens to buffers: a recomputed batch norm would count its batch twice."""
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for buffer, value in before:
            buffer.copy_(value)


def _strided(conv: nn.Module, x: Any) -> Any:
    """Convolve 3x3x3 with stride 2, and keep the outputs whose own cell holds an input."""
    cells = torch.cat([x.indices[:, :1], x.indices[:, 1:] >> 1], dim=1).unique(dim=0)
    out = conv(x)
    own = rows_of_cells(out.indices, cells, out.spatial_shape)
    tensor = import_spconv().SparseConvTensor
    return tensor(out.features[own], out.indices[own], out.spatial_shape, out.batch_size)


def _tail(widths: Sequence[int], dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in zip(widths, widths[1:]):
        if layers:
            layers.append(nn.Dropout(dropout))
        linear = nn.Linear(a, b, bias=False)
        layers.append(nn.Sequential(linear, nn.BatchNorm1d(b), nn.LeakyReLU()))
    return nn.Sequential(*layers)


@MODELS.register_module()
class SparseResNet18(SparseResNet34):
    """The same with two blocks per stage."""

    num_blocks = (2, 2, 2, 2)


@MODELS.register_module()
class SparseResNet11(SparseResNet34):
    """The same with one block per stage."""

    num_blocks = (1, 1, 1, 1)
