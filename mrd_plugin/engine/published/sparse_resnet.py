"""OpenShape's SparseConv (MinkResNet on MinkowskiEngine) to :class:`SparseResNet34` on spconv."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mrd_plugin.engine.published.layout import Found, Layout
from mrd_plugin.engine.published.minkowski import to_spconv

_DEPTHS: dict[tuple[int, ...], str] = {
    (3, 4, 6, 3): 'SparseResNet34',
    (2, 2, 2, 2): 'SparseResNet18',
    (1, 1, 1, 1): 'SparseResNet11',
}


def family(found: Found) -> str | None:
    """OpenShape's if it ends in a projection behind two layers."""
    return 'openshape-spconv' if found.root + 'final.3.linear.weight' in found.tensors else None


def sizes(found: Found) -> dict[str, Any]:
    """Depth (by the name of the class), input and final layers."""
    depths = tuple(found.depth(rf'block{stage}\.(\d+)\.') for stage in (1, 2, 3, 4))
    return dict(
        type=_DEPTHS.get(depths, f'MinkResNet{list(depths)}'),
        in_channels=found.shape('conv0p1s1.kernel')[1],
        tail_channels=[found.shape(f'final.{k}.0.linear.weight')[0] for k in (0, 2)],
        out_channels=found.shape('final.3.linear.weight')[0],
    )


def permute_kernels(name: str, tensor: Tensor) -> Tensor:
    """Bring convolutions to spconv's layout; linear layers and vectors stay."""
    convolution = tensor.dim() > 1 and not name.startswith(('final.', 'head.'))
    return to_spconv(tensor) if convolution else tensor


SPARSE_RESNET = Layout(
    backbone='SparseResNet34',
    markers=('conv0p1s1.kernel',),
    family=family,
    sizes=sizes,
    rules=(
        (r'(final\.\d\.0)\.linear\.weight', r'\1.weight'),
        (r'(.+)\.bn\.(\w+)', r'\1.\2'),
        (r'(.+)\.kernel', r'\1.weight'),
    ),
    head_rules=((r'final\.3\.linear\.(weight|bias)', r'head.proj.\1'),),
    change=permute_kernels,
)
