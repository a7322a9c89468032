"""PointPatchTransformer written the textbook way: what the fast one is measured against.

Furthest points by a loop, balls by sorting indices, convolutions and batch norm over all grouped
points, attention through the written-out matrix of weights. Parameters carry the names of
:class:`~mrd_plugin.models.backbones.PointPatchTransformer`, so that one state dict serves both.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.ball_query import plain_ball_query
from benchmarks.fps import plain_furthest_point_sample
from mrd_plugin.models.backbones import PointPatchTransformer


class _Layer(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class _SetAbstraction(nn.Module):
    def __init__(self, student: PointPatchTransformer) -> None:
        super().__init__()
        sa = student.sa
        self.num_patches, self.radius = sa.num_patches, sa.radius
        self.num_neighbours = sa.num_neighbours
        widths = [student.in_channels + 3]
        widths += [value.shape[0] for key, value in sa.named_parameters() if 'conv.weight' in key]
        self.layers = nn.Sequential(*[_Layer(a, b) for a, b in zip(widths, widths[1:])])

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        xyz = points[..., :3]
        rows = torch.arange(len(xyz))
        centres = xyz[rows[:, None], plain_furthest_point_sample(xyz, self.num_patches)]
        index = plain_ball_query(xyz, centres, self.radius, self.num_neighbours)
        grouped = points[rows[:, None, None], index]
        offset = grouped[..., :3] - centres[:, :, None]
        features = torch.cat([offset, grouped], dim=-1).permute(0, 3, 2, 1)  # (B, C, K, S)
        return centres, self.layers(features).max(dim=2)[0].permute(0, 2, 1)


class _Attention(nn.Module):
    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, dim = x.shape
        query, key, value = (
            part.reshape(batch, length, self.num_heads, -1).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        dots = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        out = dots.softmax(dim=-1) @ value
        return self.proj(out.transpose(1, 2).reshape(batch, length, dim))


class _Block(nn.Module):
    def __init__(self, dim: int, num_heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = _Attention(dim, num_heads)
        self.mlp = nn.ModuleDict(dict(fc1=nn.Linear(dim, mlp_dim), fc2=nn.Linear(mlp_dim, dim)))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        hidden = nn.functional.gelu(self.mlp['fc1'](self.norm2(x)))
        return x + self.mlp['fc2'](hidden)


class TextbookStudent(nn.Module):
    """The textbook twin of a student, with its sizes and its weights.

    Args:
        student: What to copy.
    """

    def __init__(self, student: PointPatchTransformer) -> None:
        super().__init__()
        dim = student.out_channels
        self.sa = _SetAbstraction(student)
        self.patch_proj = nn.Conv1d(student.patch_proj.in_channels, dim, 1)
        self.patch_norm = nn.LayerNorm(dim)
        self.cls_token = nn.Parameter(torch.zeros(dim))
        self.blocks = nn.Sequential(
            *[_Block(dim, student.num_heads, student.mlp_dim) for _ in student.blocks]
        )
        self.load_state_dict(student.state_dict())

    def forward(self, points: Tensor) -> Tensor:
        """Encode points ``(B, N, C)`` to one feature per shape, ``(B, dim)``."""
        centres, patches = self.sa(points)
        tokens = torch.cat([centres, patches], dim=-1).transpose(1, 2)
        tokens = self.patch_norm(self.patch_proj(tokens).transpose(1, 2))
        cls = self.cls_token.expand(len(tokens), 1, -1)
        return self.blocks(torch.cat([cls, tokens], dim=1))[:, 0]
