"""Res16UNet34C of SLidR and CMCR: published names in, the same function out, by conversion.

Synthetic files, typed from the published lists of names. The reference multiplies MinkowskiEngine's
kernels site by site; ``test_minkowski.py`` and the test below prove single kernels against dense
convolutions.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch.nn.functional import conv_transpose3d

from mrd_plugin.apis import import_checkpoint, load_backbone
from mrd_plugin.engine import check_meta, read_checkpoint
from mrd_plugin.engine.converters import LIDAR_FACTS, convert
from mrd_plugin.engine.converters.minkowski_networks import to_spconv
from mrd_plugin.utils.errors import CheckpointError, ConfigError

from . import files
from .files import batch_norm, linear, sparse_block, under
from .plain_networks import batch_norm as normalise
from .plain_networks import minkowski

SMALL = dict(stem=4, encoder=(4, 6, 6, 8), decoder=(8, 6, 5, 5), blocks=(2, 2, 2, 2))
FULL = dict(stem=32, encoder=(32, 64, 128, 256), decoder=(256, 128, 96, 96), blocks=(2, 3, 4, 6))
SETTINGS = dict(
    depth=18,
    base_channels=4,
    encoder_channels=[4, 6, 6, 8],
    decoder_channels=[8, 6, 5, 5],
    out_channels=3,
    norm_momentum=0.05,
)


def res16unet(stem, encoder, decoder, blocks, in_channels=1):
    names = {'conv0p1s1.kernel': (27, in_channels, stem)} | batch_norm('bn0.bn', stem)
    width, skipped = stem, [stem]
    for k in range(4):
        names |= {f'conv{k + 1}p{2**k}s2.kernel': (8, width, width)}
        names |= batch_norm(f'bn{k + 1}.bn', width)
        for j in range(blocks[k]):
            names |= sparse_block(f'block{k + 1}.{j}', width, encoder[k])
            width = encoder[k]
        skipped.append(width)
    for k in range(4):
        names |= {f'convtr{k + 4}p{16 >> k}s2.kernel': (8, width, decoder[k])}
        names |= batch_norm(f'bntr{k + 4}.bn', decoder[k])
        width = decoder[k] + skipped[3 - k]
        for j in range(2):
            names |= sparse_block(f'block{k + 5}.{j}', width, decoder[k])
            width = decoder[k]
    return names


def heads(width, out, *names):
    found = {}
    for name in names:
        found |= {f'{name}.kernel': (width, out), f'{name}.bias': (1, out)}
    return found


def slidr(sizes=SMALL, out=3):
    points = res16unet(**sizes) | heads(sizes['decoder'][-1], out, 'final')
    images = linear('decoder.0', out, 2048, 1, 1) | {'encoder.conv1.weight': (64, 3, 7, 7)}
    return {
        'model_points': files.fill(points),
        'model_images': files.fill(images, 1),
        'epoch': 50,
        'config': {'dataset': 'nuscenes', 'voxel_size': 0.1, 'resume_path': None},
    }


def cmcr(sizes=SMALL, out=3, codes=7):
    width = sizes['decoder'][-1]
    names = under(
        'model_points.', res16unet(**sizes) | heads(width, out, 'final', 'final_class_level')
    )
    images = linear('decoder.0', out, 2048, 1, 1) | linear('decoder2.0', out, 2048, 1, 1)
    names |= under('model_images.', images | {'encoder.conv1.weight': (64, 3, 7, 7)})
    channels = [out, 32, 16, 3]
    for k in range(3):
        names |= linear(f'image_recons_decoder.{2 * k}', channels[k + 1], channels[k], 3, 3)
    names |= linear('occ_fc_in', 128, out + 3) | linear('occ_fc_out', 2, 128)
    names |= linear('occ_mlp_layers.1', 128, 128) | linear('occ_mlp_layers.3', 128, 128)
    names |= {'embedding': (codes, out), 'ema_weight': (codes, out)}
    names |= {'ema_count': (codes,), 'unactivated_count': (codes,)}
    return {'state_dict': files.fill(names), 'epoch': 10, 'config': {'lr': 0.001}}


FILES = {'slidr-minkunet34': slidr, 'cmcr-minkunet34': cmcr}


def transposed(sites, features, kernel, fine, unit):
    """MinkowskiEngine's transposed convolution by its definition, onto the sites ``fine``."""
    cells = [(x, y, z) for z in range(2) for y in range(2) for x in range(2)]
    where = {tuple(site): i for i, site in enumerate(sites.tolist())}
    out = torch.zeros(len(fine), kernel.shape[-1])
    for row, site in enumerate(fine.tolist()):
        coarse = tuple(a // (2 * unit) * (2 * unit) for a in site)
        cell = tuple((a - b) // unit for a, b in zip(site, coarse))
        out[row] = features[where[coarse]] @ kernel[cells.index(cell)]
    return out


def plain_res16unet(w, sites, features):
    """The network, up to its heads, over tensors under their published names."""

    def block(name, x, sites, unit):
        shortcut = x
        if f'{name}.downsample.0.kernel' in w:
            shortcut = normalise(w, f'{name}.downsample.1.bn', x @ w[f'{name}.downsample.0.kernel'])
        for k in (1, 2):
            x = minkowski(sites, x, w[f'{name}.conv{k}.kernel'], 1, unit)[1]
            x = normalise(w, f'{name}.norm{k}.bn', x)
            x = F.relu(x + shortcut) if k == 2 else F.relu(x)
        return x

    def blocks(name, x, sites, unit):
        j = 0
        while f'{name}.{j}.conv1.kernel' in w:
            x = block(f'{name}.{j}', x, sites, unit)
            j += 1
        return x

    x = F.relu(normalise(w, 'bn0.bn', minkowski(sites, features, w['conv0p1s1.kernel'])[1]))
    levels = [(sites, x)]
    for k in range(4):
        sites, x = minkowski(sites, x, w[f'conv{k + 1}p{2**k}s2.kernel'], 2, 2**k)
        x = blocks(f'block{k + 1}', F.relu(normalise(w, f'bn{k + 1}.bn', x)), sites, 2 ** (k + 1))
        levels.append((sites, x))
    for k in range(4):
        fine, skip = levels[3 - k]
        unit = 8 >> k
        x = transposed(sites, x, w[f'convtr{k + 4}p{16 >> k}s2.kernel'], fine, unit)
        x = torch.cat([F.relu(normalise(w, f'bntr{k + 4}.bn', x)), skip], dim=1)
        x = blocks(f'block{k + 5}', x, fine, unit)
        sites = fine
    return x


def voxels(count=70, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sites = torch.unique(torch.randint(0, 12, (count, 3), generator=generator), dim=0)
    return sites, torch.rand(len(sites), 1, generator=generator)


def test_transposed_kernels_equal_a_dense_transposed_convolution():
    """The kernels of the way up, in spconv's layout, against PyTorch's dense convolution."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.cartesian_prod(*[torch.arange(3)] * 3)
    features = torch.randn(27, 4, generator=generator)
    kernel = torch.randn(8, 4, 5, generator=generator)
    fine = torch.cartesian_prod(*[torch.arange(6)] * 3)
    expected = transposed(2 * coarse, features, kernel, fine, 1)
    grid = features.T.reshape(1, 4, 3, 3, 3)
    weight = to_spconv(kernel)  # (out, x, y, z, in)
    dense = conv_transpose3d(grid, weight.permute(4, 0, 1, 2, 3), stride=2)
    torch.testing.assert_close(dense[0].permute(1, 2, 3, 0).reshape(-1, 5), expected)


@torch.no_grad()
@pytest.mark.parametrize('family', sorted(FILES))
def test_converted_network_gives_the_published_function(family, tmp_path):
    content = FILES[family]()
    torch.save(content, tmp_path / 'model.pt')
    sites, features = voxels()
    named = content.get('model_points') or {
        k[len('model_points.') :]: v
        for k, v in content['state_dict'].items()
        if 'model_points' in k
    }
    expected = plain_res16unet(named, sites, features)
    coords = torch.cat([torch.zeros(len(sites), 1, dtype=torch.long), sites], dim=1).int()
    direct = load_backbone(tmp_path / 'model.pt', family, SETTINGS)
    out = direct(features, coords, 1)
    torch.testing.assert_close(out, expected, atol=1e-4, rtol=1e-4)
    written, report = import_checkpoint(tmp_path / 'model.pt', tmp_path, settings=SETTINGS)
    assert written.name.startswith(f'{family}-') and LIDAR_FACTS[family].title in report
    init = dict(type='Pretrained', checkpoint=str(written), prefix='backbone.')
    meta = read_checkpoint(written)['meta']
    again = MODELS.build(dict(meta['backbone'], init_cfg=init))
    again.init_weights()
    torch.testing.assert_close(again.eval()(features, coords, 1), out)
    point = voxels()[0].float() @ torch.randn(3, 5)
    state = read_checkpoint(written)['state_dict']
    got = F.linear(point, state['point_head.proj.weight'], state['point_head.proj.bias'])
    torch.testing.assert_close(got, point @ named['final.kernel'] + named['final.bias'])


def test_all_of_cmcr_comes_along():
    content = cmcr()
    converted = convert(content, 'model.pt', None, SETTINGS)
    state, parts = converted.state_dict, converted.meta['parts']
    assert set(parts) == {
        'point_head',
        'point_specific_head',
        'image_head',
        'image_specific_head',
        'codebook',
        'image_decoder',
        'occupancy_decoder',
    }
    for part, cfg in parts.items():
        module = MODELS.build(cfg)
        prefix = f'{part}.'
        own = {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}
        module.load_state_dict(own, strict=True)
    theirs = content['state_dict']
    assert torch.equal(state['codebook.codes'], theirs['embedding'])
    assert torch.equal(state['occupancy_decoder.layers.5.weight'], theirs['occ_fc_out.weight'])
    decoder = MODELS.build(parts['occupancy_decoder'])
    decoder.load_state_dict(
        {k[18:]: v for k, v in state.items() if k.startswith('occupancy_decoder.')}
    )
    torch.manual_seed(0)
    given = torch.randn(4, 6)
    expected = given
    for name in ('occ_fc_in', 'relu', 'occ_mlp_layers.1', 'relu', 'occ_mlp_layers.3', 'occ_fc_out'):
        expected = (
            expected.relu()
            if name == 'relu'
            else F.linear(expected, theirs[f'{name}.weight'], theirs[f'{name}.bias'])
        )
    torch.testing.assert_close(decoder(given[:, :3], given[:, 3:]), expected)
    assert 'model_images.encoder' in converted.report


@pytest.mark.parametrize('family', sorted(FILES))
def test_published_sizes_need_no_settings(family, monkeypatch):
    monkeypatch.setattr(
        files,
        'fill',
        lambda shapes, seed=0: {k: torch.empty(s, device='meta') for k, s in shapes.items()},
    )
    content = FILES[family](FULL, 64)
    converted = convert(content, 'model.pt', family)
    buffers = ('running_mean', 'running_var', 'num_batches_tracked')
    weights = [
        t
        for n, t in converted.state_dict.items()
        if n.startswith('backbone.') and not n.endswith(buffers)
    ]
    assert sum(t.numel() for t in weights) == 37_842_976
    meta = converted.meta
    assert meta['backbone']['depth'] == 34 and meta['backbone']['norm_momentum'] == 0.05
    assert meta['geometry']['in_channels'] == 1
    expected = 'cartesian' if family.startswith('cmcr') else 'cylindrical'
    assert meta['geometry']['coordinates'] == expected


def test_a_config_of_other_voxels_is_refused():
    """Fault 6 of CMCR's released code: a cylindrical config for weights of Cartesian voxels."""
    meta = convert(cmcr(), 'model.pt', None, SETTINGS).meta
    preprocessor = dict(type='PairDataPreprocessor', voxel_size=(0.1, 0.1, 0.1))
    backbone = dict(type='MinkUNetStudent', in_channels=1)
    check_meta(meta, dict(model=dict(data_preprocessor=preprocessor, backbone=backbone)))
    for change in (
        dict(coordinates='cylindrical'),
        dict(voxel_size=(0.1, 1.0, 0.1)),
        dict(voxel_features=('xyz', 'intensity')),
    ):
        other = dict(model=dict(data_preprocessor={**preprocessor, **change}, backbone=backbone))
        with pytest.raises(ConfigError, match=next(iter(change))):
            check_meta(meta, other)


def test_other_files_are_refused():
    content = slidr()
    del content['model_points']['block3.1.conv2.kernel']
    with pytest.raises(CheckpointError, match='backbone does not fit.*encoder.2.2.conv2.weight'):
        convert(content, 'model.pt', None, SETTINGS)
    content = slidr()
    del content['model_points']['final.kernel'], content['model_points']['final.bias']
    with pytest.raises(CheckpointError, match='slidr-minkunet34'):
        convert(content, 'model.pt')
    with pytest.raises(CheckpointError, match='depth=18 where depth=34|has .*depth=18'):
        convert(slidr(), 'model.pt')
    with pytest.raises(CheckpointError, match='family slidr-minkunet34 and not of cmcr-minkunet34'):
        convert(slidr(), 'model.pt', 'cmcr-minkunet34', SETTINGS)
    content = cmcr()
    content['state_dict']['occ_mlp_layers.3.weight'] = torch.zeros(128, 64)
    with pytest.raises(CheckpointError, match='occupancy_decoder does not fit'):
        convert(content, 'model.pt', None, SETTINGS)
