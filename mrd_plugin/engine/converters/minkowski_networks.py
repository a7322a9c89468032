"""Key maps of published networks of MinkowskiEngine, and its kernels in spconv's layout.

OpenShape's SparseConv (MinkResNet) becomes :class:`SparseResNet34`; the Res16UNet34C of SLidR,
PPKT, ST-SLidR and CMCR becomes MMDetection3D's MinkUNet, with its heads, codebook and decoders.

MinkowskiEngine keeps a kernel as ``(K^3, C_in, C_out)`` and counts its cells with the first axis
fastest; a kernel of one cell is ``(C_in, C_out)``. Odd kernels are centred, even ones start at
their site. spconv keeps ``(C_out, K, K, K, C_in)`` with the axes in the order of the indices. Both
correlate, as PyTorch's ``conv3d`` does. spconv 2.3 has one exception: it multiplies by the weight
of a kernel of one cell as if that memory held ``(C_in, C_out)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mrd_plugin.engine.converters.layout import Found, Layout, RenameRule


def to_spconv(kernel: Tensor) -> Tensor:
    """Rearrange a kernel for coordinates whose axes keep their order (x, y, z in both).

    Args:
        kernel: ``(K^3, C_in, C_out)``, or ``(C_in, C_out)`` for K = 1.

    Returns:
        ``(C_out, K, K, K, C_in)``, contiguous; for K = 1 in the order in which spconv reads it.
    """
    if kernel.dim() == 2:
        return kernel.reshape(kernel.shape[1], 1, 1, 1, kernel.shape[0]).contiguous()
    volume, c_in, c_out = kernel.shape
    size = round(volume ** (1 / 3))
    z_y_x = kernel.reshape(size, size, size, c_in, c_out)  # the first axis is the fastest
    return z_y_x.permute(4, 2, 1, 0, 3).contiguous()


_SPARSE_RESNET_DEPTHS: dict[tuple[int, ...], str] = {
    (3, 4, 6, 3): 'SparseResNet34',
    (2, 2, 2, 2): 'SparseResNet18',
    (1, 1, 1, 1): 'SparseResNet11',
}


def _sparse_resnet_family(found: Found) -> str | None:
    """OpenShape's if it ends in a projection behind two layers."""
    return 'openshape-spconv' if found.root + 'final.3.linear.weight' in found.tensors else None


def _sparse_resnet_sizes(found: Found) -> dict[str, Any]:
    """Depth (by the name of the class), input and final layers."""
    depths = tuple(found.depth(rf'block{stage}\.(\d+)\.') for stage in (1, 2, 3, 4))
    return dict(
        type=_SPARSE_RESNET_DEPTHS.get(depths, f'MinkResNet{list(depths)}'),
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
    family=_sparse_resnet_family,
    sizes=_sparse_resnet_sizes,
    rules=(
        (r'(final\.\d\.0)\.linear\.weight', r'\1.weight'),
        (r'(.+)\.bn\.(\w+)', r'\1.\2'),
        (r'(.+)\.kernel', r'\1.weight'),
    ),
    head_rules=((r'final\.3\.linear\.(weight|bias)', r'head.proj.\1'),),
    change=permute_kernels,
)


_RES16UNET_DEPTHS: dict[tuple[int, ...], int] = {(2, 3, 4, 6): 34, (2, 2, 2, 2): 18}


def _res16unet_family(found: Found) -> str | None:
    """CMCR's with a second head and a codebook, SLidR's (and PPKT's, ST-SLidR's) with one head."""
    if found.prefix + 'final_class_level.kernel' in found.tensors:
        return 'cmcr-minkunet34' if found.root + 'embedding' in found.tensors else None
    return 'slidr-minkunet34' if found.prefix + 'final.kernel' in found.tensors else None


def _res16unet_sizes(found: Found) -> dict[str, Any]:
    """Depth, input, channels and the width of the shared space."""
    blocks = tuple(found.depth(rf'block{stage}\.(\d+)\.') for stage in range(1, 5))
    return dict(
        in_channels=found.shape('conv0p1s1.kernel')[-2],
        depth=_RES16UNET_DEPTHS.get(blocks, list(blocks)),
        stem_convs=1,
        base_channels=found.shape('conv0p1s1.kernel')[-1],
        encoder_channels=[found.shape(f'block{k}.0.conv1.kernel')[-1] for k in range(1, 5)],
        decoder_channels=[found.shape(f'block{k}.0.conv1.kernel')[-1] for k in range(5, 9)],
        out_channels=found.shape('final.kernel')[-1],
    )


def _res16unet_parts(heads: Mapping[str, Tensor], in_channels: int) -> dict[str, dict[str, Any]]:
    """Configs of the heads, the codebook and the decoders that a file has, by module."""
    found: dict[str, dict[str, Any]] = {}
    for name in ('point_head', 'point_specific_head'):
        if f'{name}.proj.weight' in heads:
            width = len(heads[f'{name}.proj.weight'])
            found[name] = dict(type='ProjectionHead', in_channels=in_channels, out_channels=width)
    for name in ('image_head', 'image_specific_head'):
        if f'{name}.conv.weight' in heads:
            width, inside = heads[f'{name}.conv.weight'].shape[:2]
            found[name] = dict(type='ImageHead', in_channels=inside, out_channels=width)
    if 'codebook.codes' in heads:
        number, dim = heads['codebook.codes'].shape
        found['codebook'] = dict(type='Codebook', num_codes=number, dim=dim)
    if 'image_decoder.first.weight' in heads:
        inside = heads['image_decoder.first.weight'].shape[1]
        found['image_decoder'] = dict(type='ImageDecoder', in_channels=inside, stride=1)
    if 'occupancy_decoder.layers.0.weight' in heads:
        width, inside = heads['occupancy_decoder.layers.0.weight'].shape
        found['occupancy_decoder'] = dict(
            type='OccupancyDecoder', in_channels=inside - 3, hidden_channels=width
        )
    return found


def _res16unet_change(name: str, tensor: Tensor) -> Tensor:
    """Bring kernels to spconv's layout, heads to PyTorch's."""
    if name.startswith(('point_head', 'point_specific_head')):
        return tensor.T.contiguous() if name.endswith('weight') else tensor.flatten()
    if name == 'codebook.idle':
        return tensor.clamp(min=0).long()
    is_head = name.split('.')[0] not in ('conv_input', 'encoder', 'decoder')
    return tensor if is_head or tensor.dim() < 2 else to_spconv(tensor)


def _res16unet_rules() -> tuple[RenameRule, ...]:
    rules = [
        (r'conv0p1s1\.kernel', 'conv_input.0.0.weight'),
        (r'bn0\.bn\.(\w+)', r'conv_input.0.1.\1'),
    ]
    # Encoder stages 0 to 3 and decoder stages 0 to 3: what the convolution, its norm and the blocks
    # are called there, and the module that holds the blocks here (behind the convolution, or beside
    # it).
    stages = [
        (f'encoder.{k}', f'conv{k + 1}p{2**k}s2', f'bn{k + 1}', f'block{k + 1}') for k in range(4)
    ]
    stages += [
        (f'decoder.{k}', f'convtr{k + 4}p{16 >> k}s2', f'bntr{k + 4}', f'block{k + 5}')
        for k in range(4)
    ]
    for stage, conv, norm, block in stages:
        rules.append((rf'{conv}\.kernel', f'{stage}.0.0.weight'))
        rules.append((rf'{norm}\.bn\.(\w+)', rf'{stage}.0.1.\1'))
        for j in range(16):
            inside = f'{stage}.{j + 1}' if stage.startswith('encoder') else f'{stage}.1.{j}'
            old = rf'{block}\.{j}'
            rules += [
                (rf'{old}\.(conv[12])\.kernel', rf'{inside}.\1.weight'),
                (rf'{old}\.norm([12])\.bn\.(\w+)', rf'{inside}.bn\1.\2'),
                (rf'{old}\.downsample\.0\.kernel', f'{inside}.downsample.0.weight'),
                (rf'{old}\.downsample\.1\.bn\.(\w+)', rf'{inside}.downsample.1.\1'),
            ]
    return tuple(rules)


def _res16unet_linear(old: str, new: str) -> RenameRule:
    return rf'{old}\.(weight|bias)', rf'{new}.\1'


RES16UNET = Layout(
    backbone='MinkUNetStudent',
    markers=('conv0p1s1.kernel', 'convtr4p16s2.kernel'),
    family=_res16unet_family,
    sizes=_res16unet_sizes,
    rules=_res16unet_rules(),
    head_rules=(
        (r'(?:model_points\.)?final\.kernel', 'point_head.proj.weight'),
        (r'(?:model_points\.)?final\.bias', 'point_head.proj.bias'),
        (r'(?:model_points\.)?final_class_level\.kernel', 'point_specific_head.proj.weight'),
        (r'(?:model_points\.)?final_class_level\.bias', 'point_specific_head.proj.bias'),
        _res16unet_linear(r'model_images\.decoder\.0', 'image_head.conv'),
        _res16unet_linear(r'model_images\.decoder2\.0', 'image_specific_head.conv'),
        _res16unet_linear(r'image_recons_decoder\.0', 'image_decoder.first'),
        _res16unet_linear(r'image_recons_decoder\.2', 'image_decoder.second'),
        _res16unet_linear(r'image_recons_decoder\.4', 'image_decoder.last'),
        _res16unet_linear('occ_fc_in', 'occupancy_decoder.layers.0'),
        _res16unet_linear(r'occ_mlp_layers\.1', 'occupancy_decoder.layers.2'),
        _res16unet_linear(r'occ_mlp_layers\.3', 'occupancy_decoder.layers.4'),
        _res16unet_linear('occ_fc_out', 'occupancy_decoder.layers.5'),
        ('embedding', 'codebook.codes'),
        ('ema_count', 'codebook.sizes'),
        ('ema_weight', 'codebook.sums'),
        ('unactivated_count', 'codebook.idle'),
    ),
    change=_res16unet_change,
    nests=('model_points',),
    parts=_res16unet_parts,
)
