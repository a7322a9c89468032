"""Decoders of CMCR: masked images from features, and occupancy and intensity at queries.

Images as in CMCR (arXiv 2412.08973); queries as in ALSO (arXiv 2212.05867), which CMCR takes over.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.ops import radius_neighbours


@MODELS.register_module()
class ImageDecoder(BaseModule):
    """Three 3x3 convolutions, the last one to colours.

    The released code has all three at the image's resolution (``stride=1``). With a larger stride
    the features lie on a grid so much coarser, and the last convolution alone sees the image's
    resolution: what comes in is an enlarged small map anyway, and finding codes and convolving at
    every pixel costs more than everything else that CMCR adds.

    Args:
        in_channels: Of the features. Defaults to 64.
        stride: Pixels per side of a cell. Defaults to 4, the stride of SLidR's dilated encoder.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self, in_channels: int = 64, stride: int = 4, init_cfg: dict | list | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.stride = stride
        self.first = nn.Conv2d(in_channels, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 16, 3, padding=1)
        self.last = nn.Conv2d(16, 3, 3, padding=1)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the grid for images of a size: rounded up."""
        return -(-height // self.stride), -(-width // self.stride)

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Rebuild images.

        Args:
            features: On the grid of ``size``, ``(V, in_channels, h, w)``.
            size: Height H and width W of the images.

        Returns:
            ``(V, 3, H, W)`` in (0, 1).
        """
        x = self.second(self.first(features).relu()).relu()
        if x.shape[2:] != size:
            x = F.interpolate(x, size, mode='bilinear', align_corners=False)
        return self.last(x).sigmoid()


@MODELS.register_module()
class OccupancyDecoder(BaseModule):
    """An MLP on the feature of a support point and the way from it to the query.

    Args:
        in_channels: Of the features. Defaults to 64.
        hidden_channels: Defaults to 128.
        radius: How far a support point may be from a query, metres. Defaults to 1.0.
        max_neighbours: Support points per query. Defaults to 32.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self,
        in_channels: int = 64,
        hidden_channels: int = 128,
        radius: float = 1.0,
        max_neighbours: int = 32,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.radius = radius
        self.max_neighbours = max_neighbours
        self.layers = nn.Sequential(
            nn.Linear(in_channels + 3, hidden_channels),
            nn.ReLU(),
            nn.Linear(hidden_channels, hidden_channels),
            nn.ReLU(),
            nn.Linear(hidden_channels, hidden_channels),
            nn.Linear(hidden_channels, 2),
        )

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Decode (query, support) pairs.

        Args:
            features: Of the support points, ``(P, in_channels)``.
            offsets: Query minus support point, metres, ``(P, 3)``.

        Returns:
            Occupancy logit and intensity, ``(P, 2)``.
        """
        return self.layers(torch.cat([features, offsets.to(features.dtype)], dim=1))

    def at_queries(
        self,
        features: Tensor,
        xyz: Tensor,
        point_batch: Tensor,
        queries: Tensor,
        query_batch: Tensor,
        batch_size: int,
    ) -> tuple[Tensor, Tensor]:
        """Decode queries from the support points within the radius.

        Args:
            features: Of the points, ``(N, in_channels)``.
            xyz: Points, metres, ``(N, 3)``.
            point_batch: Their samples, ``(N,)``.
            queries: ``(Q, 3)``.
            query_batch: Their samples, ``(Q,)``.
            batch_size: Number of samples.

        Returns:
            Predictions ``(P, 2)`` of the (query, support) pairs, and the row of each pair's query,
            ``(P,)``.
        """
        query, support = radius_neighbours(
            xyz, point_batch, queries, query_batch, batch_size, self.radius, self.max_neighbours
        )
        return self(features[support], queries[query] - xyz[support]), query
