"""What a frozen image network sees in renderings of the points."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.ops import render_points


class ProjectedViews(nn.Module):
    """One token per image: rendered points through a frozen trunk, averaged, normalised, projected.

    Args:
        trunk: A frozen image backbone, such as ``dict(type='EfficientNetLiteTeacher')``.
        views: Azimuth and elevation in degrees that the points are looked at from. Azimuth 0 is on
            the y axis, the front of a shape after ``SwapYZ``, 90 on the x axis; z is up.
        image_size: Pixels per side.
        dim: Width of the tokens.
        dropout: Share of the trunk's features that a training step doesn't see.
        train_views: How many of the views, drawn anew for each batch, a training step looks at:
            most of its time is the trunk's.

    Raises:
        ValueError: If ``train_views`` is not in 1 to the number of views.
    """

    def __init__(
        self,
        trunk: dict,
        views: Sequence[tuple[float, float]],
        image_size: int,
        dim: int,
        dropout: float,
        train_views: int,
    ) -> None:
        super().__init__()
        if not 1 <= train_views <= len(views):
            raise ValueError(
                f'backbone.train_views = {train_views}: expected 1 to {len(views)}, the number of '
                'views.'
            )
        self.trunk = MODELS.build(trunk)
        self.image_size = image_size
        self.train_views = train_views
        self.register_buffer('cameras', view_cameras(views), persistent=False)
        self.cameras: Tensor
        self.feature_norm = nn.BatchNorm1d(self.trunk.dim, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.proj = nn.Linear(self.trunk.dim, dim)
        self.view_embed = nn.Parameter(torch.randn(len(views), dim) * 0.02)
        self.norm = nn.LayerNorm(dim)

    def forward(self, points: Tensor) -> Tensor:
        """Look at points ``(B, N, C)``, xyz and rgb first: tokens ``(B, V, dim)``."""
        chosen = torch.arange(len(self.cameras), device=points.device)
        if self.training:
            order = torch.randperm(len(chosen), device=points.device)
            chosen = order[: self.train_views]
        images = render_points(
            points[..., :3], points[..., 3:6], self.cameras[chosen], self.image_size
        )
        with torch.autocast(points.device.type, enabled=False):
            features = self.trunk(images.flatten(0, 1)).mean((2, 3))
            features = self.feature_norm(features.to(self.proj.weight.dtype))
        tokens = self.proj(self.dropout(features)).unflatten(0, (len(points), -1))
        return self.norm(tokens + self.view_embed[chosen])


def view_cameras(views: Sequence[tuple[float, float]]) -> Tensor:
    """Cameras for :func:`render_points`, ``(V, 3, 3)``: right, up, towards the viewer.

    At azimuth 0 the right of the image is +x. That is as the unswapped file looks from its front:
    ``SwapYZ`` mirrors a shape, and this takes it back.
    """
    rows = []
    for azimuth, elevation in views:
        a, e = math.radians(azimuth), math.radians(elevation)
        right = (math.cos(a), -math.sin(a), 0.0)
        up = (-math.sin(a) * math.sin(e), -math.cos(a) * math.sin(e), math.cos(e))
        towards = (math.sin(a) * math.cos(e), math.cos(a) * math.cos(e), math.sin(e))
        rows.append((right, up, towards))
    return torch.tensor(rows)
