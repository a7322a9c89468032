"""Patch tokens of open_clip's image towers, in the joint space of images and texts.

CLIP projects only what its last pooling gives. A patch token here is what the tower would say of
the whole image if its pooling looked at one place alone:

- a transformer's last tokens pass the final norm and the projection, as the class token does;
- an attention pooling gives the projected *value* of the place (Zhou et al. 2022, MaskCLIP, arXiv
  2112.01071, section 3.2), since attention to one place has weight 1 whatever the query;
- an average pooling leaves the place as it is, so the mean of the tokens is the image's embedding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mrd_plugin.utils.errors import ConfigError


def encode_tokens(visual: nn.Module, pixels: Tensor) -> Tensor:
    """Encode images as a whole and place by place, in one pass.

    Args:
        visual: Image tower of an open_clip model, in eval mode.
        pixels: Preprocessed images ``(n, 3, H, W)``.

    Returns:
        ``(n, 1 + L, D)``, not normalised: the tower's own output, then its L places, row by row.

    Raises:
        ConfigError: The tower pools with several learnt queries (CoCa) or is of an unknown kind, or
            the installed open_clip is too old to give the tokens.
    """
    from open_clip.modified_resnet import ModifiedResNet
    from open_clip.timm_model import TimmModel
    from open_clip.transformer import VisionTransformer

    if not hasattr(visual, 'forward_intermediates'):
        raise ConfigError(
            'model.teacher: this open_clip has no forward_intermediates, which patch tokens need; '
            'run pip install --upgrade open_clip_torch.'
        )
    if isinstance(visual, VisionTransformer) and visual.attn_pool is None:
        image, patches = _vision_transformer(visual, pixels)
    elif isinstance(visual, ModifiedResNet):
        image, patches = _resnet(visual, pixels)
    elif isinstance(visual, TimmModel):
        image, patches = _timm(visual, pixels)
    else:
        raise ConfigError(
            f'model.teacher: open_clip models with the image tower {type(visual).__name__} and '
            'this pooling (CoCa) have no tokens of places; choose a model such as ViT-B-32 or '
            "RN50, or model.target='image', which needs none."
        )
    return torch.cat([image.unsqueeze(1), patches], dim=1)


def _vision_transformer(visual: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Project every token; ``forward_intermediates`` applies the final norm."""
    out = visual.forward_intermediates(
        pixels, indices=1, normalize_intermediates=True, output_fmt='NLC'
    )
    patches = out['image_intermediates'][-1]
    return out['image_features'], patches if visual.proj is None else patches @ visual.proj


def _resnet(visual: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Value and output projection of the attention pooling, position embedding included."""
    out = visual.forward_intermediates(pixels, indices=1)
    pool = visual.attnpool
    places = out['image_intermediates'][-1].flatten(2).transpose(1, 2)  # (n, HW, C)
    places = places + pool.positional_embedding[1:].to(places.dtype)
    return out['image_features'], pool.c_proj(pool.v_proj(places))


def _timm(visual: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Run timm's pooling and open_clip's projection on "images" that consist of one place."""
    trunk = visual.trunk
    features = trunk.forward_features(pixels)
    image = visual.head(trunk.forward_head(features))
    if features.ndim == 3:  # (n, prefix + L, C)
        prefix = getattr(trunk, 'num_prefix_tokens', 0)
        places = features[:, prefix:].flatten(0, 1)
        # The place in the stead of class tokens too: whichever of them a pooling takes, it gets it.
        alone = places.unsqueeze(1).expand(-1, prefix + 1, -1)
    elif getattr(trunk, 'output_fmt', 'NCHW') == 'NHWC':
        alone = features.flatten(0, 2)[:, None, None, :]  # (n HW, 1, 1, C)
    else:
        places = features.permute(0, 2, 3, 1).flatten(0, 2)
        alone = places[:, :, None, None]  # (n HW, C, 1, 1)
    patches = visual.head(trunk.forward_head(alone))
    return image, patches.view(len(image), -1, patches.shape[-1])
