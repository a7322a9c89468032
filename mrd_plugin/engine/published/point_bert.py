"""Point-BERT, ULIP and ULIP-2 to :class:`PointBERT`, which keeps their names."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mrd_plugin.engine.published.layout import Found, Layout

_DIM_HEAD = 64  # in all released sizes; not in the weights


def family(found: Found) -> str | None:
    """By the projection (ULIP with xyz, ULIP-2 with colour) or by the stage (Point-BERT)."""
    if found.root + 'pc_projection' in found.tensors:
        return {3: 'ulip', 6: 'ulip2'}.get(found.shape('encoder.first_conv.0.weight')[1])
    if found.prefix + 'cls_head_finetune.0.weight' in found.tensors:
        return 'point-bert-finetuned'
    return 'point-bert' if found.prefix.endswith('transformer_q.') else None


def sizes(found: Found) -> dict[str, Any]:
    """All sizes but the groups."""
    dim = found.shape('cls_pos')[-1]
    projection = found.tensors.get(found.root + 'pc_projection')
    return dict(
        in_channels=found.shape('encoder.first_conv.0.weight')[1],
        dim=dim,
        depth=found.depth(r'blocks\.blocks\.(\d+)\.'),
        num_heads=dim // _DIM_HEAD,
        encoder_dim=found.shape('reduce_dim.weight')[1],
        **({} if projection is None else {'out_channels': projection.shape[1]}),
    )


def transpose_projection(name: str, tensor: Tensor) -> Tensor:
    """ULIP multiplies by its projection from the right: the weight of a linear layer, transposed."""
    return tensor.t() if name == 'head.proj.weight' else tensor


POINT_BERT = Layout(
    backbone='PointBERT',
    markers=('reduce_dim.weight', 'cls_pos'),
    family=family,
    sizes=sizes,
    rules=(),
    head_rules=((r'pc_projection', r'head.proj.weight'),),
    unused=(r'mask_token$', r'lm_head\.', r'cls_head\.', r'cls_head_finetune\.'),
    change=transpose_projection,
    nests=('point_encoder',),
    skip=('transformer_k',),
)
