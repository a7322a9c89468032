"""PointNet++ set abstraction that turns a cloud into patch features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrd_plugin.ops import ball_query, furthest_point_sample, gather_points


class PointwiseConv(nn.Conv2d):
    """1x1 convolution on channels-last rows ``(M, C)``.

    The weight keeps the shape ``(out, in, 1, 1)`` of published checkpoints; the product is the plain
    matrix product, which on a CPU is several times faster than the convolution.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(M, C_in)`` to ``(M, C_out)``."""
        return F.linear(x, self.weight.flatten(1), self.bias)


class PointMlpLayer(nn.Module):
    """Pointwise convolution, batch norm, ReLU on rows ``(M, C)``."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = PointwiseConv(in_channels, out_channels)
        self.bn = nn.BatchNorm1d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(M, C_in)`` to ``(M, C_out)``."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class SetAbstraction(nn.Module):
    """Furthest points as centres, a ball around each, a shared MLP, the maximum over the ball.

    Each neighbour enters as (offset to the centre, its input channels): for xyz + rgb input that is
    (dx, dy, dz, x, y, z, r, g, b), as in OpenShape's point transformer.

    Args:
        in_channels (int): Channels of the points, xyz included.
        mlp_channels (Sequence[int]): Widths of the shared MLP.
        num_patches (int): Number of centres S.
        radius (float): Ball radius in the unit of the points (unit ball after normalisation).
        num_neighbours (int): Points a ball K.
    """

    def __init__(
        self,
        in_channels: int,
        mlp_channels: Sequence[int],
        num_patches: int,
        radius: float,
        num_neighbours: int,
    ) -> None:
        super().__init__()
        self.num_patches = num_patches
        self.radius = radius
        self.num_neighbours = num_neighbours
        widths = [in_channels + 3, *mlp_channels]
        self.layers = nn.Sequential(*[PointMlpLayer(a, b) for a, b in zip(widths[:-1], widths[1:])])

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Turn points ``(B, N, C)`` into centres ``(B, S, 3)`` and features ``(B, S, C_out)``."""
        xyz = points[..., :3].float()
        centre_index = furthest_point_sample(xyz, self.num_patches)
        centres = gather_points(xyz, centre_index)
        index = ball_query(xyz, centres, self.radius, self.num_neighbours)
        grouped = gather_points(points, index)
        offset = grouped[..., :3] - centres.unsqueeze(2)
        rows = torch.cat([offset, grouped], dim=-1)
        features = self.layers(rows.flatten(0, 2))
        return centres, features.view(*rows.shape[:3], -1).max(2).values
