"""Vision transformers of timm (DINO, DINOv2) as frozen image backbones."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.teachers.images.image_backbone import (
    ImageBackboneTeacher,
)
from mrd_plugin.models.teachers.images.image_checkpoints import (
    load_image_weights,
)


@MODELS.register_module()
class ViTImageTeacher(ImageBackboneTeacher):
    """Patch tokens of a transformer, laid out as a map.

    Any size of image will do: position embeddings are interpolated, and an image whose sides are
    no multiples of the patch is resized to the nearest ones.

    Args:
        model: Timm's name, such as ``'vit_small_patch16_224'`` (DINO: with ``.dino``) or
            ``'vit_large_patch14_dinov2'``.
        weights: A local file, see :func:`load_image_weights`: of timm, of DINO or of DINOv2;
            ``'timm'`` lets timm fetch those of its name. Defaults to None: random, for
            tests.
        final_norm: Take the tokens after the transformer's last norm (SLidR and SuperFlow with
            ViTs) or before it (ScaLR). Defaults to True.
        batch_size: See :class:`ImageBackboneTeacher`. Defaults to 16.

    Raises:
        ConfigError: If the file is missing or is of another network.
    """

    def __init__(
        self,
        model: str,
        weights: str | None = None,
        final_norm: bool = True,
        batch_size: int = 16,
    ) -> None:
        import timm  # late: it imports torchvision, which most runs do without
        from timm.models.vision_transformer import checkpoint_filter_fn

        network: Any = timm.create_model(
            model, pretrained=weights == 'timm', num_classes=0, dynamic_img_size=True
        )
        if weights not in (None, 'timm'):
            # timm's filter knows the names of DINOv2 and fits position embeddings.
            load_image_weights(network, str(weights), ('head.',), checkpoint_filter_fn)
        config = network.pretrained_cfg
        super().__init__(network.embed_dim, config['mean'], config['std'], batch_size)
        self.patch = network.patch_embed.patch_size
        self.final_norm = final_norm
        self.freeze('vit', network)

    def encode(self, pixels: Tensor) -> Tensor:
        """Return maps of normalised images."""
        size = [max(round(s / p), 1) * p for s, p in zip(pixels.shape[2:], self.patch)]
        if size != list(pixels.shape[2:]):
            pixels = F.interpolate(
                pixels, size, mode='bilinear', align_corners=False, antialias=True
            )
        return self.network('vit').forward_intermediates(
            pixels, indices=1, norm=self.final_norm, intermediates_only=True
        )[0]
