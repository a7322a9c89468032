"""Uni3D to :class:`Uni3DViT`, which keeps its names."""

from __future__ import annotations

from typing import Any

from mrd_plugin.engine.published.layout import Found, Layout

_WIDTHS = {192: 'tiny', 384: 'small', 768: 'base', 1024: 'large', 1408: 'giant'}


def family(found: Found) -> str | None:
    """By the width of the transformer."""
    size = _WIDTHS.get(found.shape('encoder2trans.weight')[0])
    return size and f'uni3d-{size}'


def sizes(found: Found) -> dict[str, Any]:
    """All sizes but the groups; the depth follows from the size and shows in missing names."""
    projection = found.root + 'trans2embed.weight'
    width, encoder_dim = found.shape('encoder2trans.weight')
    return dict(
        in_channels=found.shape('encoder.first_conv.0.weight')[1],
        size=_WIDTHS[width],
        encoder_dim=encoder_dim,
        **({'out_channels': len(found.tensors[projection])} if projection in found.tensors else {}),
    )


UNI3D = Layout(
    backbone='Uni3DViT',
    markers=('encoder2trans.weight',),
    family=family,
    sizes=sizes,
    rules=(),
    head_rules=((r'trans2embed\.(weight|bias)', r'head.proj.\1'),),
    unused=(r'visual\.(patch_embed|pos_embed|cls_token|head)(\.|$)',),
)
