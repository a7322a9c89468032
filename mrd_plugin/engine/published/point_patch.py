"""OpenShape's and TAMM's "PointBERT" to :class:`PointPatchTransformer`."""

from __future__ import annotations

import re
from typing import Any

from mrd_plugin.engine.published.layout import Found, Layout

_DIM_HEAD = 64  # in all released sizes; not in the weights
_ADAPTER = 'image_alignment_adapter.'  # of TAMM
_BLOCK = r'transformer\.layers\.(\d+)\.'


def family(found: Found) -> str | None:
    """By the adapters (TAMM) or the width of the projection (OpenShape)."""
    if any(name.startswith(_ADAPTER) for name in found.tensors):
        return 'tamm-pointbert'
    projection = found.tensors.get(found.root + 'proj.weight')
    if projection is None:
        return 'openshape-pointbert-vitb32' if found.prefix.endswith('pc_encoder.') else None
    widths = {1280: 'openshape-pointbert-vitg14', 768: 'openshape-pointbert-vitl14'}
    return widths.get(len(projection))


def sizes(found: Found) -> dict[str, Any]:
    """All sizes but patches, radius and neighbours."""
    last = [name for name in found.tensors if re.match(_ADAPTER + r'.*\.4\.weight', name)]
    projection = found.tensors.get(last[0] if last else found.root + 'proj.weight')
    return dict(
        in_channels=found.shape('sa.mlp_convs.0.weight')[1] - 3,
        dim=found.shape('cls_token')[0],
        depth=found.depth(_BLOCK),
        num_heads=found.shape('transformer.layers.0.0.fn.to_qkv.weight')[0] // 3 // _DIM_HEAD,
        mlp_dim=found.shape('transformer.layers.0.1.fn.net.0.weight')[0],
        sa_dim=found.shape('sa.mlp_convs.2.weight')[0],
        sa_hidden=found.shape('sa.mlp_convs.0.weight')[0],
        **({} if projection is None else {'out_channels': len(projection)}),
    )


POINT_PATCH = Layout(
    backbone='PointPatchTransformer',
    markers=('sa.mlp_convs.0.weight',),
    family=family,
    sizes=sizes,
    rules=(
        (r'sa\.mlp_convs\.(\d)\.(.+)', r'sa.layers.\1.conv.\2'),
        (r'sa\.mlp_bns\.(\d)\.(.+)', r'sa.layers.\1.bn.\2'),
        (r'lift\.0\.(.+)', r'patch_proj.\1'),
        (r'lift\.2\.(.+)', r'patch_norm.\1'),
        (_BLOCK + r'0\.norm\.(.+)', r'blocks.\1.norm1.\2'),
        (_BLOCK + r'0\.fn\.to_qkv\.weight', r'blocks.\1.attn.qkv.weight'),
        (_BLOCK + r'0\.fn\.to_out\.0\.(.+)', r'blocks.\1.attn.proj.\2'),
        (_BLOCK + r'1\.norm\.(.+)', r'blocks.\1.norm2.\2'),
        (_BLOCK + r'1\.fn\.net\.0\.(.+)', r'blocks.\1.mlp.fc1.\2'),
        (_BLOCK + r'1\.fn\.net\.3\.(.+)', r'blocks.\1.mlp.fc2.\2'),
    ),
    head_rules=(
        (r'proj\.(weight|bias)', r'head.proj.\1'),
        (
            r'(image|text)_alignment_adapter\.(?:module\.)?classifier\.(\d)\.(.+)',
            r'head.\1.\2.\3',
        ),
    ),
    nests=('ppat',),
)
