"""PointNet++ set abstraction that turns a cloud into patch features.

Batch norm over all grouped points is where the textbook version spends its time: hundreds of
thousands of rows are written and read for every step of it. Here it is folded into the linear map
before it, which is exact: the mean and the variance of ``W x + b`` follow from the mean and the
covariance of ``x``, and the folded map needs no pass of its own. After the last layer the maximum
comes before ReLU (both are monotone, so the order does not matter), so that only maxima are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrd_plugin.ops import ball_query, furthest_point_sample, gather_points, max_linear, row_moments


class PointMlpLayer(nn.Module):
    """Pointwise convolution, batch norm, ReLU on rows ``(M, C)``.

    The weights have the shape and the names of the 1x1 convolution of published checkpoints.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1)
        self.bn = nn.BatchNorm1d(out_channels)

    def forward(self, rows: Tensor, group_size: int | None = None) -> Tensor:
        """Map rows ``(M, C_in)`` to ``(M, C_out)``.

        With ``group_size`` K, map them to the maximum over each K rows, ``(M / K, C_out)``.
        """
        if isinstance(self.bn, nn.SyncBatchNorm):  # its statistics are those of all ranks
            out = self.bn(F.linear(rows, self.conv.weight.flatten(1), self.conv.bias))
            if group_size is not None:
                out = out.view(-1, group_size, out.shape[-1]).max(1).values
            return F.relu(out, inplace=True)
        weight, bias = self.folded(rows)
        if group_size is None:
            return F.relu(F.linear(rows, weight, bias), inplace=True)
        groups = rows.view(-1, group_size, rows.shape[-1])
        return F.relu(max_linear(groups, weight) + bias, inplace=True)

    def folded(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Fold convolution and batch norm into one linear map.

        Args:
            rows: Input ``(M, C_in)``; training takes the statistics of the batch from it.

        Returns:
            Weight ``(C_out, C_in)`` and bias ``(C_out,)``.
        """
        weight, bias, bn = self.conv.weight.flatten(1), self.conv.bias, self.bn
        assert bias is not None and bn.running_mean is not None and bn.running_var is not None
        if bn.training:  # its own mode: frozen norms of a training network are put in eval mode
            row_mean, row_cov = row_moments(rows)
            mean = torch.mv(weight, row_mean) + bias
            var = ((weight @ row_cov) * weight).sum(1)
            self._track(mean.detach(), var.detach(), len(rows))
        else:
            mean, var = bn.running_mean, bn.running_var
        scale = bn.weight * torch.rsqrt(var + bn.eps)
        return weight * scale[:, None], bn.bias + scale * (bias - mean)

    @torch.no_grad()
    def _track(self, mean: Tensor, var: Tensor, count: int) -> None:
        """Move the running statistics as ``nn.BatchNorm1d`` does, with the unbiased variance."""
        bn = self.bn
        assert bn.num_batches_tracked is not None
        assert bn.running_mean is not None and bn.running_var is not None
        bn.num_batches_tracked.add_(1)
        rate = 1 / bn.num_batches_tracked.item() if bn.momentum is None else bn.momentum
        bn.running_mean.lerp_(mean, rate)
        bn.running_var.lerp_(var * (count / max(count - 1, 1)), rate)


class SetAbstraction(nn.Module):
    """Furthest points as centres, a ball around each, a shared MLP, the maximum over the ball.

    Each neighbour enters as (offset to the centre, its input channels): for xyz + rgb input that is
    (dx, dy, dz, x, y, z, r, g, b), as in OpenShape's point transformer. Runs in float32 under
    autocast: its statistics are sums over hundreds of thousands of rows.

    Args:
        in_channels: Channels of the points, xyz included.
        mlp_channels: Widths of the shared MLP.
        num_patches: Number of centres S.
        radius: Ball radius in the unit of the points (unit ball after normalisation).
        num_neighbours: Points a ball K.
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
        self.layers = nn.ModuleList(PointMlpLayer(a, b) for a, b in zip(widths[:-1], widths[1:]))

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Turn points ``(B, N, C)`` into centres ``(B, S, 3)`` and features ``(B, S, C_out)``."""
        with torch.autocast(points.device.type, enabled=False):
            dtype = next(self.parameters()).dtype
            points = points.to(torch.promote_types(dtype, torch.float32))  # offsets need the digits
            xyz = points[..., :3].float()
            centres = gather_points(xyz, furthest_point_sample(xyz, self.num_patches))
            index = ball_query(xyz, centres, self.radius, self.num_neighbours)
            grouped = gather_points(points, index)
            rows = torch.cat([grouped[..., :3] - centres.unsqueeze(2), grouped], dim=-1)
            rows = rows.flatten(0, 2).to(dtype)
            *hidden, last = self.layers
            for layer in hidden:
                rows = layer(rows)
            features = last(rows, self.num_neighbours)
        return centres, features.view(*centres.shape[:2], -1)
