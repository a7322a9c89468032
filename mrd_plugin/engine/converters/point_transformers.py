"""Key maps of published point transformers.

- Point-BERT, ULIP and ULIP-2 to :class:`PointBERT`, which keeps their names;
- the "PointBERT" of OpenShape and TAMM to :class:`PointPatchTransformer`;
- Uni3D to :class:`Uni3DViT`, which keeps its names.
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from mrd_plugin.engine.converters.layout import Found, Layout

_POINT_BERT_DIM_HEAD = 64  # in all released sizes; not in the weights


def _point_bert_family(found: Found) -> str | None:
    """By the projection (ULIP with xyz, ULIP-2 with colour) or by the stage (Point-BERT)."""
    if found.root + 'pc_projection' in found.tensors:
        return {3: 'ulip', 6: 'ulip2'}.get(found.shape('encoder.first_conv.0.weight')[1])
    if found.prefix + 'cls_head_finetune.0.weight' in found.tensors:
        return 'point-bert-finetuned'
    return 'point-bert' if found.prefix.endswith('transformer_q.') else None


def _point_bert_sizes(found: Found) -> dict[str, Any]:
    """All sizes but the groups."""
    dim = found.shape('cls_pos')[-1]
    projection = found.tensors.get(found.root + 'pc_projection')
    return dict(
        in_channels=found.shape('encoder.first_conv.0.weight')[1],
        dim=dim,
        depth=found.depth(r'blocks\.blocks\.(\d+)\.'),
        num_heads=dim // _POINT_BERT_DIM_HEAD,
        encoder_dim=found.shape('reduce_dim.weight')[1],
        **({} if projection is None else {'out_channels': projection.shape[1]}),
    )


def transpose_projection(name: str, tensor: Tensor) -> Tensor:
    """Transpose ULIP's projection, which multiplies from the right, to a linear layer's weight."""
    return tensor.t() if name == 'head.proj.weight' else tensor


POINT_BERT = Layout(
    backbone='PointBERT',
    markers=('reduce_dim.weight', 'cls_pos'),
    family=_point_bert_family,
    sizes=_point_bert_sizes,
    rules=(),
    head_rules=((r'pc_projection', r'head.proj.weight'),),
    unused=(r'mask_token$', r'lm_head\.', r'cls_head\.', r'cls_head_finetune\.'),
    change=transpose_projection,
    nests=('point_encoder',),
    skip=('transformer_k',),
)


_POINT_PATCH_DIM_HEAD = 64  # in all released sizes; not in the weights
_ADAPTER = 'image_alignment_adapter.'  # of TAMM
_BLOCK = r'transformer\.layers\.(\d+)\.'


def _point_patch_family(found: Found) -> str | None:
    """By the adapters (TAMM) or the width of the projection (OpenShape)."""
    if any(name.startswith(_ADAPTER) for name in found.tensors):
        return 'tamm-pointbert'
    projection = found.tensors.get(found.root + 'proj.weight')
    if projection is None:
        return 'openshape-pointbert-vitb32' if found.prefix.endswith('pc_encoder.') else None
    widths = {1280: 'openshape-pointbert-vitg14', 768: 'openshape-pointbert-vitl14'}
    return widths.get(len(projection))


def _point_patch_sizes(found: Found) -> dict[str, Any]:
    """All sizes but patches, radius and neighbours."""
    last = [name for name in found.tensors if re.match(_ADAPTER + r'.*\.4\.weight', name)]
    projection = found.tensors.get(last[0] if last else found.root + 'proj.weight')
    return dict(
        in_channels=found.shape('sa.mlp_convs.0.weight')[1] - 3,
        dim=found.shape('cls_token')[0],
        depth=found.depth(_BLOCK),
        num_heads=found.shape('transformer.layers.0.0.fn.to_qkv.weight')[0]
        // 3
        // _POINT_PATCH_DIM_HEAD,
        mlp_dim=found.shape('transformer.layers.0.1.fn.net.0.weight')[0],
        sa_dim=found.shape('sa.mlp_convs.2.weight')[0],
        sa_hidden=found.shape('sa.mlp_convs.0.weight')[0],
        **({} if projection is None else {'out_channels': len(projection)}),
    )


POINT_PATCH = Layout(
    backbone='PointPatchTransformer',
    markers=('sa.mlp_convs.0.weight',),
    family=_point_patch_family,
    sizes=_point_patch_sizes,
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


_WIDTHS = {192: 'tiny', 384: 'small', 768: 'base', 1024: 'large', 1408: 'giant'}


def _uni3d_family(found: Found) -> str | None:
    """By the width of the transformer."""
    size = _WIDTHS.get(found.shape('encoder2trans.weight')[0])
    return size and f'uni3d-{size}'


def _uni3d_sizes(found: Found) -> dict[str, Any]:
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
    family=_uni3d_family,
    sizes=_uni3d_sizes,
    rules=(),
    head_rules=((r'trans2embed\.(weight|bias)', r'head.proj.\1'),),
    unused=(r'visual\.(patch_embed|pos_embed|cls_token|head)(\.|$)',),
)
