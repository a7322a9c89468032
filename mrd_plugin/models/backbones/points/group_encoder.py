"""kNN groups around furthest points and the mini-PointNet that encodes them (Point-BERT, Uni3D)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrd_plugin.ops import furthest_point_sample, gather_points, knn, max_linear


def group_points(points: Tensor, num_groups: int, group_size: int) -> tuple[Tensor, Tensor]:
    """Cut clouds into groups: furthest points as centres, the nearest points around each.

    Distances are float32 under autocast too.

    Args:
        points: ``(B, N, C)``, xyz first.
        num_groups: Groups S.
        group_size: Points per group K.

    Returns:
        Centres ``(B, S, 3)`` and groups ``(B, S, K, C)`` whose xyz are offsets to their centre.
    """
    xyz = points[..., :3].float()
    centres = gather_points(xyz, furthest_point_sample(xyz, num_groups))
    _, index = knn(xyz, centres, group_size)
    groups = gather_points(points, index)
    offset = groups[..., :3] - centres.unsqueeze(2)
    return centres, torch.cat([offset, groups[..., 3:]], dim=-1)


class GroupEncoder(nn.Module):
    """Mini-PointNet: two pointwise stages, each followed by a maximum over the group.

    Args:
        in_channels: Channels of a point.
        out_channels: Width of the group feature.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first_conv = nn.Sequential(
            nn.Conv1d(in_channels, 128, 1),
            nn.BatchNorm1d(128),
            nn.ReLU(True),
            nn.Conv1d(128, 256, 1),
        )
        self.second_conv = nn.Sequential(
            nn.Conv1d(512, 512, 1),
            nn.BatchNorm1d(512),
            nn.ReLU(True),
            nn.Conv1d(512, out_channels, 1),
        )

    def forward(self, groups: Tensor) -> Tensor:
        """Encode groups ``(B, S, K, C_in)`` to ``(B, S, C_out)``.

        Works on rows: a 1x1 convolution is a matrix product. The second stage's input is (maximum
        of the group, own feature); the maximum's share of the product is made once a group.
        """
        batch, num_groups, size = groups.shape[:3]
        first: Any = self.first_conv
        second: Any = self.second_conv
        conv, norm, relu, conv_out = first
        rows = _linear(groups.flatten(0, 2).to(conv.weight.dtype), conv)
        rows = _linear(relu(norm(rows)), conv_out)
        whole = rows.view(-1, size, rows.shape[-1]).amax(1)
        conv, norm, relu, conv_out = second
        of_whole, of_row = conv.weight.squeeze(-1).split([whole.shape[-1], rows.shape[-1]], dim=1)
        rows = F.linear(rows, of_row).view(len(whole), size, -1)
        rows = rows + F.linear(whole, of_whole, conv.bias).unsqueeze(1)
        rows = relu(norm(rows.flatten(0, 1)))
        out = max_linear(rows.view(len(whole), size, -1), conv_out.weight.squeeze(-1))
        return (out + conv_out.bias).view(batch, num_groups, -1)


def _linear(rows: Tensor, conv: nn.Conv1d) -> Tensor:
    return F.linear(rows, conv.weight.squeeze(-1), conv.bias)
