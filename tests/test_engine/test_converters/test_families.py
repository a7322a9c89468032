"""Each family: published names in, the same function out, through the converted file."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from mmengine.runner.checkpoint import _load_checkpoint

from mrd_plugin.apis import import_checkpoint, load_backbone, load_encoder
from mrd_plugin.engine import read_checkpoint
from mrd_plugin.engine.converters import FACTS, convert
from mrd_plugin.utils.files import file_sha256

from . import files, plain_networks

PATCHES = dict(num_patches=8, radius=0.5, num_neighbours=16)
GROUPS = dict(num_groups=8, group_size=6, pool='cls_max')
PPAT = dict(dim=128, depth=2, num_heads=2, mlp_dim=96, sa_dim=32, **PATCHES)
BERT = dict(dim=64, depth=2, num_heads=1, encoder_dim=48, **GROUPS)
FULL_PPAT = dict(dim=512, depth=12, heads=8, mlp=1536, sa_dim=256)
FULL_NARROW = dict(FULL_PPAT, mlp=1024, sa_dim=128)
FULL_BERT = dict(dim=384, depth=12, encoder_dim=256)

plain_ppat = partial(plain_networks.ppat, heads=2, patches=8, radius=0.5, neighbours=16)
plain_bert = partial(plain_networks.point_bert, heads=1, number=8, size=6)


def at(prefix, *keys):
    """The tensors of a file below a prefix, under the names that the plain networks know."""

    def read(content):
        for key in keys:
            content = content[key]
        return {k[len(prefix) :]: v for k, v in content.items() if k.startswith(prefix)}

    return read


class Case(NamedTuple):
    """How a family is tested."""

    make: Callable  # the file; small without arguments
    full: dict  # arguments that give the published size
    millions: float | None = None  # published number of parameters, head included
    settings: dict | None = None  # of the small file; None: only the full size is tested
    weights: Callable | None = None  # its tensors as the plain network wants them
    network: Callable | None = None


def small_ppat(make, sizes, weights, millions=None):
    return Case(make, dict(sizes=sizes), millions, PPAT, weights, plain_ppat)


def small_bert(make, weights, depth=12):
    return Case(make, dict(sizes=dict(FULL_BERT, depth=depth)), None, BERT, weights, plain_bert)


IN_ULIP = at('module.point_encoder.', 'state_dict')
FAMILIES = {
    'openshape-pointbert-vitg14': small_ppat(
        files.openshape_bigg, FULL_PPAT, at('module.ppat.', 'state_dict'), 32.3
    ),
    'openshape-pointbert-vitl14': small_ppat(
        files.openshape_l14, FULL_NARROW, at('pc_encoder.ppat.')
    ),
    'openshape-pointbert-vitb32': small_ppat(files.openshape_b32, FULL_NARROW, at('pc_encoder.')),
    'tamm-pointbert': small_ppat(files.tamm, FULL_PPAT, at('module.', 'state_dict')),
    'ulip': small_bert(files.ulip, IN_ULIP),
    'ulip2': small_bert(files.ulip2, IN_ULIP, 18),
    'point-bert': small_bert(
        files.point_bert_pretrained, at('module.transformer_q.', 'base_model')
    ),
    'point-bert-finetuned': small_bert(files.point_bert_finetuned, at('module.', 'base_model')),
    'openshape-spconv': Case(
        files.openshape_sparseconv,
        dict(layers=(3, 4, 6, 3)),
        41.3,
        dict(type='SparseResNet11', voxel_size=0.25),
        at('module.', 'state_dict'),
        partial(plain_networks.sparse_resnet, voxel_size=0.25),
    ),
    'uni3d-tiny': Case(
        partial(files.uni3d, size='tiny'),
        dict(size='tiny'),
        None,
        dict(num_groups=8, group_size=6),
        at('point_encoder.', 'module'),
        partial(plain_networks.uni3d, heads=3, number=8, size=6),
    ),
    **{
        f'uni3d-{size}': Case(files.uni3d, dict(size=size))
        for size in ('small', 'base', 'large', 'giant')
    },
}
SMALL = sorted(name for name, case in FAMILIES.items() if case.settings is not None)


def test_every_family_is_tested():
    assert set(FAMILIES) == set(FACTS)


@pytest.fixture(scope='module', params=SMALL)
def case(request, tmp_path_factory):
    """A small published file on disk, and what it should give for two clouds."""
    make, _, _, settings, weights, network = FAMILIES[request.param]
    content = make()
    path = tmp_path_factory.mktemp('published') / 'model.pt'
    torch.save(content, path)
    generator = torch.Generator().manual_seed(1)
    channels = FACTS[request.param].sizes['in_channels']
    clouds = torch.rand(2, 60, channels, generator=generator) * 2 - 1
    own = weights(content)
    expected = torch.stack([network(own, cloud) for cloud in clouds])
    return request.param, path, settings, clouds, expected


@torch.no_grad()
def test_import_save_load_gives_the_published_function(case, tmp_path):
    family, path, settings, clouds, expected = case
    direct = load_backbone(path, family, settings)
    torch.testing.assert_close(direct(clouds), expected, atol=1e-4, rtol=1e-4)
    for suffix in ('.safetensors', '.pth'):
        written, report = import_checkpoint(path, tmp_path, settings=settings, suffix=suffix)
        assert written.name == f'{family}-{file_sha256(written)[:8]}{suffix}'
        assert FACTS[family].title in report and list(tmp_path.glob('*.tmp')) == []
        encoder = load_encoder(written)
        assert not encoder.backbone.training
        assert torch.equal(encoder.backbone(clouds), direct(clouds))
    init = dict(type='Pretrained', checkpoint=str(written), prefix='backbone.')
    plain = MODELS.build(dict(encoder.meta['backbone'], init_cfg=init))
    plain.init_weights()
    assert torch.equal(plain.eval()(clouds), direct(clouds))


def test_meta_carries_what_weights_can_not_tell(case, tmp_path):
    family, path, settings, _, _ = case
    written, _ = import_checkpoint(path, tmp_path, settings=dict(settings, up_axis='x'))
    meta = read_checkpoint(written)['meta']
    assert meta['published'] == {
        'family': family,
        'title': FACTS[family].title,
        'embedding': FACTS[family].embedding,
        'file': 'model.pt',
    }
    geometry = meta['geometry']
    assert geometry['up_axis'] == 'x' and geometry['normalisation'] == 'unit_ball'
    assert geometry['in_channels'] == 3 * len(geometry['channels'])
    for key in set(settings) & {
        'num_patches',
        'radius',
        'num_neighbours',
        'num_groups',
        'voxel_size',
    }:
        assert geometry[key] == meta['backbone'][key] == settings[key]
    assert json.loads(json.dumps(meta)) == meta
    assert _load_checkpoint(str(written))['meta'] == meta


@pytest.fixture
def shapes_only(monkeypatch):
    """Files without numbers in them, for full sizes."""
    monkeypatch.setattr(
        files,
        'fill',
        lambda shapes, seed=0: {k: torch.empty(s, device='meta') for k, s in shapes.items()},
    )


@pytest.mark.parametrize(
    ('size', 'published'),
    [
        ('tiny', 12_835_148),
        ('small', 45_713_996),
        ('base', 178_008_217),
        ('large', 614_861_649),
        ('giant', 2_034_909_361),
    ],
)
def test_uni3d_lists_have_the_size_of_the_published_files(size, published, shapes_only):
    """Two bytes a number, and some 300 bytes a tensor for its name and place."""
    tensors = files.uni3d(size)['module'].values()
    rest = published - sum(2 * tensor.numel() for tensor in tensors)
    assert 250 < rest / len(tensors) < 400


@pytest.mark.parametrize('family', sorted(FAMILIES))
def test_published_sizes_need_no_settings(family, shapes_only):
    make, full, millions, *_ = FAMILIES[family]
    asked = {'num_groups': 512} if FACTS[family].ask else {}
    converted = convert(make(**full), 'model.pt', family, asked)
    assert converted.family == family
    parts = {name.split('.')[0] for name in converted.state_dict}
    assert parts >= (
        {'backbone', 'head'} if 'out_channels' in FACTS[family].sizes else {'backbone'}
    )
    if millions is not None:
        buffers = ('running_mean', 'running_var', 'num_batches_tracked')
        weights = [t for n, t in converted.state_dict.items() if not n.endswith(buffers)]
        assert abs(sum(t.numel() for t in weights) / 1e6 - millions) < 0.06
    for key, value in {**FACTS[family].backbone, **FACTS[family].sizes, **asked}.items():
        assert key == 'out_channels' or converted.meta['backbone'][key] == value


@torch.no_grad()
def test_heads_are_the_published_projections(tmp_path):
    content = files.openshape_bigg()
    torch.save(content, tmp_path / 'a.pt')
    encoder = load_encoder(tmp_path / 'a.pt', settings=PPAT)
    feature = torch.randn(2, 128)
    weight = content['state_dict']['module.proj.weight']
    bias = content['state_dict']['module.proj.bias']
    torch.testing.assert_close(encoder.head(feature), feature @ weight.T + bias)

    content = files.ulip2()
    torch.save(content, tmp_path / 'b.pt')
    encoder = load_encoder(tmp_path / 'b.pt', settings=BERT)
    assert encoder.head.proj.bias is None
    feature = torch.randn(2, 128)
    projection = content['state_dict']['module.pc_projection']
    torch.testing.assert_close(encoder.head(feature), feature @ projection)


@torch.no_grad()
def test_half_precision_files_give_a_full_precision_backbone(tmp_path):
    content = files.openshape_b32()
    half = {k: v.half() if v.is_floating_point() else v for k, v in content.items()}
    torch.save(half, tmp_path / 'a.pt')
    written, _ = import_checkpoint(tmp_path / 'a.pt', tmp_path, settings=PPAT)
    stored = read_checkpoint(written)['state_dict']
    assert stored['backbone.cls_token'].dtype == torch.float16
    backbone = load_backbone(written)
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}
    assert torch.equal(backbone.cls_token, half['pc_encoder.cls_token'].float())


@torch.no_grad()
def test_tamm_brings_both_adapters(tmp_path):
    content = files.tamm()
    torch.save(content, tmp_path / 'a.pt')
    written, _ = import_checkpoint(tmp_path / 'a.pt', tmp_path, settings=PPAT)
    head = load_encoder(written).head
    feature = torch.randn(2, 128)
    for name, got in zip(('image', 'text'), head(feature)):
        w = at('module.', f'{name}_alignment_adapter')(content)
        x = feature
        for k in (0, 4):
            x = plain_networks.dense(w, f'classifier.{k}', x)
            x = F.gelu(plain_networks.batch_norm(w, f'classifier.{k + 1}', x))
        torch.testing.assert_close(got, x, atol=1e-5, rtol=1e-4)
