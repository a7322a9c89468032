"""PointViewTransformer: patches of points and images of points in one transformer.

With few shapes a network of points can't learn what a network of images knows from ImageNet. P2P
(Wang et al., NeurIPS 2022) and SimpleView (Goyal et al., ICML 2021) therefore draw the points and
read the rendering with an image network; here its features join the patch tokens. Its input is the
point cloud alone, as that of every other backbone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.backbones.points.point_patch_transformer import PointPatchTransformer
from mrd_plugin.models.backbones.points.projected_views import ProjectedViews
from mrd_plugin.models.backbones.points.transformer import run_blocks

SIX_VIEWS = ((0, 0), (35, 20), (-35, 20), (90, 0), (0, 60), (180, 15))
"""Front, two half-sides, side, above, back: azimuth and elevation in degrees."""


@MODELS.register_module()
class PointViewTransformer(PointPatchTransformer):
    """A :class:`PointPatchTransformer` whose transformer also sees one token for each drawn view.

    The image network is frozen and no part of the state dict: it is built from ``trunk`` again.

    Args:
        trunk: Frozen image backbone: ``EfficientNetLiteTeacher`` (embedded), ``ResNetImageTeacher``
            or ``ViTImageTeacher``.
        views: Azimuth and elevation of each view in degrees, see :class:`ProjectedViews`. Defaults
            to :data:`SIX_VIEWS`.
        train_views: Views that a training step looks at. Defaults to 3.
        image_size: Pixels per side of a view. Defaults to 112.
        feature_dropout: Dropout of the trunk's features. Defaults to 0.5.
        **kwargs: See :class:`PointPatchTransformer`; ``in_channels`` must be 6 or more.

    Raises:
        ValueError: If the points have no colour.
    """

    def __init__(
        self,
        trunk: dict,
        views: Sequence[tuple[float, float]] = SIX_VIEWS,
        train_views: int = 3,
        image_size: int = 112,
        feature_dropout: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if self.in_channels < 6:
            raise ValueError(
                f'PointViewTransformer draws xyz and rgb, but in_channels = {self.in_channels}; '
                'give it '
                "6 or more and PackShapeInputs channels=('xyz', 'rgb')."
            )
        self.views = ProjectedViews(
            trunk, views, image_size, self.token_channels, feature_dropout, train_views
        )

    def encode(
        self, points: Tensor, depths: Sequence[int], keep: int | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Encode points; the view tokens are attended to and left out of what is returned."""
        centres, tokens = self.tokenise(points)
        length = tokens.shape[1]
        tokens = torch.cat([tokens, self.views(points).to(tokens.dtype)], dim=1)
        sequences = run_blocks(self.blocks, tokens, depths, with_cp=self.with_cp, keep=keep)
        return centres, [sequence[:, :length] for sequence in sequences]
