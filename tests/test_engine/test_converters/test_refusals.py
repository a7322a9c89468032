"""What is not understood is refused, in one sentence that says why."""

import argparse
import os

import pytest
import torch
from safetensors.torch import save_file

from mrd_plugin.apis import import_checkpoint, load_backbone
from mrd_plugin.engine import read_checkpoint
from mrd_plugin.engine.converters import FACTS, convert
from mrd_plugin.utils.errors import CheckpointError, ConfigError
from tests.test_utils.test_safe_pickle import Calls

from . import files
from .test_families import BERT, GROUPS, PATCHES, PPAT


def refusal(content, family=None, settings=None):
    """The sentence about a file that can't be converted."""
    with pytest.raises(CheckpointError) as caught:
        convert(content, 'model.pt', family, settings)
    message = str(caught.value)
    assert message.startswith('model.pt: ') and '\n' not in message and message.endswith('.')
    return message


def test_wrong_family():
    message = refusal(files.openshape_l14(), 'ulip2', PPAT)
    assert 'of the family openshape-pointbert-vitl14 and not of ulip2' in message
    with pytest.raises(
        ConfigError, match="family='clip': expected one of openshape-pointbert-vitg14"
    ):
        convert(files.openshape_l14(), 'model.pt', 'clip')


def test_no_family():
    resnet = {'conv1.weight': torch.zeros(64, 3, 7, 7), 'bn1.weight': torch.zeros(64)}
    message = refusal({'state_dict': resnet})
    assert 'ulip2' in message and 'state_dict.conv1.weight' in message
    assert 'none at all' in refusal({'epoch': 3})


def test_a_network_without_owner():
    bare = files.fill(files.ppat(**files.SMALL_PPAT))
    assert "PointPatchTransformer at ''" in refusal(bare, settings=PPAT)


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('module.adapter.fc.0.weight', "TAMM's stage-1 image adapter"),
        ('module.point_encoder.sa1.mlp_convs.0.weight', "ULIP's PointNet\\+\\+"),
        ('module.point_encoder.embedding.net.0.weight', "ULIP's PointMLP"),
        ('module.dgcnn_1.layer1.0.weight', "Point-BERT's discrete VAE"),
    ],
)
def test_relatives_are_named(name, said):
    with pytest.raises(CheckpointError, match=said):
        convert({'state_dict': {name: torch.zeros(3, 3)}}, 'model.pt')


def test_another_size_asks_for_its_settings():
    message = refusal(files.openshape_bigg())
    assert 'dim=128, depth=2' in message and 'dim=512, depth=12' in message
    sizes = {key: PPAT[key] for key in PPAT if key not in PATCHES}
    assert 'its weights do not tell num_patches; give num_patches=...' in refusal(
        files.openshape_bigg(), settings=sizes
    )
    # a size that is given and not there
    assert 'has mlp_dim=96 where mlp_dim=100 is expected' in refusal(
        files.openshape_bigg(), settings=dict(PPAT, mlp_dim=100)
    )


def test_scaling_three_is_not_taken_for_the_small_checkpoints():
    """It has the same two widths, another number of patches and another radius."""
    network = files.ppat(dim=512, depth=12, heads=8, mlp=1024, sa_dim=128)
    network = files.under('module.ppat.', network) | files.linear('module.proj', 1280, 512)
    content = {'state_dict': {k: torch.empty(s, device='meta') for k, s in network.items()}}
    assert 'mlp_dim=1024, sa_dim=128' in refusal(content)
    sizes = dict(mlp_dim=1024, sa_dim=128)
    assert 'do not tell num_patches' in refusal(content, settings=sizes)
    settings = dict(sizes, num_patches=128, radius=0.35, num_neighbours=128)
    assert convert(content, 'model.pt', None, settings).meta['geometry']['radius'] == 0.35


def test_a_setting_that_differs_within_the_family():
    message = refusal(files.point_bert_finetuned(dict(dim=384, depth=12, encoder_dim=256)))
    assert 'num_groups (64 for 1,024 points, 256 for 4,096, 512 for 8,192)' in message


def test_unknown_setting():
    with pytest.raises(ConfigError, match='setting patches: expected one of .*num_patches'):
        convert(files.openshape_bigg(), 'model.pt', None, dict(PPAT, patches=4))


def test_half_of_the_blocks():
    """A file that lost its last blocks must not pass as a smaller network."""
    content = files.ulip2(dict(dim=64, depth=18, encoder_dim=48))
    settings = dict(BERT, depth=18)
    assert convert(content, 'model.pt', None, settings).family == 'ulip2'
    state = content['state_dict']
    for name in [n for n in state if '.blocks.blocks.' in n and int(n.split('.')[4]) >= 9]:
        del state[name]
    assert 'has depth=9 where depth=18 is expected' in refusal(content, settings=settings)


def test_blocks_lost_in_between():
    content = files.ulip2(dict(dim=64, depth=4, encoder_dim=48))
    state = content['state_dict']
    for name in [n for n in state if '.blocks.blocks.1.' in n]:
        del state[name]
    assert 'of its 4 blocks only 3 are there' in refusal(content, settings=dict(BERT, depth=4))


def test_a_block_number_that_would_take_all_memory():
    content = files.ulip2()
    name = 'module.point_encoder.blocks.blocks.999999999.norm1.weight'
    content['state_dict'][name] = torch.ones(64)
    assert 'of its 1000000000 blocks only 3 are there' in refusal(content, settings=BERT)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'lift.2.bias': None}, '1 missing: patch_norm.bias'),
        ({'cls_token': None}, 'there is no state_dict.module.ppat.cls_token in it'),
        ({'norm.weight': (128,)}, '1 unexpected: norm.weight'),
        (
            {'transformer.layers.1.1.fn.net.0.weight': (90, 128)},
            r'1 mismatched: blocks.1.mlp.fc1.weight: (96, 128), (90, 128)',
        ),
    ],
)
def test_every_tensor_finds_its_place(change, said):
    content = files.openshape_bigg()
    for name, shape in change.items():
        if shape is None:
            del content['state_dict'][f'module.ppat.{name}']
        else:
            content['state_dict'][f'module.ppat.{name}'] = torch.zeros(shape)
    assert said in refusal(content, settings=PPAT)


@pytest.mark.parametrize(
    ('make', 'name', 'shape'),
    [
        (files.openshape_b32, 'pc_encoder.cls_token', ()),
        (lambda: files.ulip()['state_dict'], 'module.point_encoder.cls_pos', ()),
        (lambda: files.uni3d('tiny', 1)['module'], 'point_encoder.encoder2trans.weight', (192,)),
        (
            lambda: files.openshape_sparseconv()['state_dict'],
            'module.conv1p1s2.kernel',
            (7, 32, 32),
        ),
    ],
)
def test_shapes_that_no_network_has(make, name, shape):
    content = make()
    content[name] = torch.zeros(shape)
    settings = dict(type='SparseResNet11', voxel_size=0.1) if 'kernel' in name else None
    assert 'other shapes than their names promise' in refusal(content, settings=settings)


def test_a_sparse_network_of_another_depth():
    message = refusal(files.openshape_sparseconv((1, 2, 1, 1)))
    assert 'type=MinkResNet[1, 2, 1, 1] where type=SparseResNet34 is expected' in message


def test_uni3d_that_lost_its_last_block():
    content = files.uni3d('tiny', 11)
    assert '13 missing: visual.blocks.11.' in refusal(content)


def test_a_head_of_another_width():
    content = files.ulip(3, 1000)
    assert 'out_channels=1000 where out_channels=512' in refusal(content, settings=BERT)


def test_settings_of_a_wrong_kind():
    message = refusal(files.ulip(), settings=dict(BERT, pool='mean'))
    assert "backbone.pool must be 'cls' or 'cls_max', got 'mean'" in message


def test_missing_and_truncated_files(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.pt'):
        import_checkpoint(tmp_path / 'none.pt', tmp_path)
    for save, path in ((torch.save, tmp_path / 'a.pt'), (save_file, tmp_path / 'a.safetensors')):
        save(files.openshape_b32(), path)
        path.write_bytes(path.read_bytes()[:-5000])
        with pytest.raises(CheckpointError, match='truncated or damaged'):
            load_backbone(path, settings=PPAT)
        with pytest.raises(CheckpointError, match='truncated or damaged'):
            import_checkpoint(path, tmp_path / 'out', settings=PPAT)
    assert not (tmp_path / 'out').exists()


class Tracker:
    """A class of a training code, as some people pickle beside their weights."""

    def __init__(self):
        self.best = 3


@pytest.mark.parametrize(
    ('object_', 'named'),
    [
        (Calls(os.system, 'touch {}'), 'posix.system'),
        (argparse.Namespace(run=Calls(os.system, 'touch {}')), 'posix.system'),
        (argparse.Namespace(tracker=Tracker()), 'Tracker'),
        (Tracker(), r'tests\.test_engine\.test_converters\.test_refusals\.Tracker'),
        (argparse.ArgumentParser, r'argparse\.ArgumentParser'),
    ],
)
def test_objects_are_refused_by_name(tmp_path, object_, named):
    touched = tmp_path / 'touched'
    inner = getattr(object_, 'run', object_)
    if isinstance(inner, Calls):
        inner.args = (inner.args[0].format(touched),)
    torch.save({**files.ulip(), 'args': object_}, tmp_path / 'evil.pt')
    with pytest.raises(CheckpointError, match=f'evil.pt: refused.*{named}') as caught:
        load_backbone(tmp_path / 'evil.pt', settings=BERT)
    assert '\n' not in str(caught.value) and not touched.exists()


@pytest.mark.parametrize('new_zip', [True, False])
def test_a_namespace_is_read_as_plain_data(tmp_path, new_zip):
    options = argparse.Namespace(lr=3e-3, inner=argparse.Namespace(sizes=[1, 2]), name=None)
    torch.save({'args': options}, tmp_path / 'a.pt', _use_new_zipfile_serialization=new_zip)
    args = read_checkpoint(tmp_path / 'a.pt')['args']
    assert type(args) is dict and type(args['inner']) is dict
    assert args == {'lr': 3e-3, 'inner': {'sizes': [1, 2]}, 'name': None}


def test_a_momentum_copy_and_an_average_do_not_confuse():
    content = files.openshape_bigg()
    content = {'state_dict_ema': files.openshape_bigg()['state_dict'], **content}
    name = 'module.ppat.cls_token'
    content['state_dict'][name] = torch.ones(128)
    converted = convert(content, 'model.pt', None, PPAT)
    assert torch.equal(converted.state_dict['backbone.cls_token'], torch.ones(128))
    assert "found at 'state_dict.module.ppat.'" in converted.report
    del content['state_dict']
    converted = convert(content, 'model.pt', None, PPAT)
    assert not torch.equal(converted.state_dict['backbone.cls_token'], torch.ones(128))
    assert "found at 'state_dict_ema.module.ppat.'" in converted.report
    assert {'head.proj.weight', 'head.proj.bias'} <= set(converted.state_dict)


def test_the_report_counts_everything():
    report = convert(files.ulip2(), 'model.pt', None, BERT).report
    lines = report.splitlines()
    assert 'ULIP-2 PointBERT, 10k coloured points (ulip2)' in lines[0]
    assert lines[1].split() == ['matched', 'missing', 'unexpected', 'mismatched']
    backbone = len(files.point_bert(in_channels=6, **files.SMALL_BERT))
    assert lines[2].split() == ['backbone', str(backbone), '0', '0', '0']
    assert lines[3].split() == ['head', '1', '0', '0', '0']
    aside = lines[4]
    for part in ('module.visual.blocks (1)', 'module.token_embedding (1)', 'module (1)'):
        assert part in aside
    assert 'depth=2' in lines[5] and 'up_axis=y' in lines[6] and 'num_groups' not in lines[6]
    assert all(f'{key}={value}' in lines[7] for key, value in GROUPS.items())


def test_facts_of_the_published_notes():
    """Wrong values load silently and ruin accuracy: pinned one by one."""

    def facts(name, *keys):
        row = FACTS[name]
        values = {**row.sizes, **row.backbone, **row.geometry}
        return tuple(values.get(key) for key in keys)

    patches = ('num_patches', 'radius', 'num_neighbours', 'up_axis', 'no_colour')
    assert facts('openshape-pointbert-vitg14', *patches) == (384, 0.2, 64, 'z', 0.4)
    assert facts('openshape-pointbert-vitl14', *patches) == (64, 0.4, 256, 'y', 0.4)
    assert facts('openshape-pointbert-vitb32', *patches) == (64, 0.4, 256, 'y', 0.4)
    assert facts('tamm-pointbert', *patches) == (384, 0.2, 64, 'z', 0.4)
    groups = ('num_groups', 'group_size', 'depth', 'in_channels', 'up_axis', 'no_colour')
    assert facts('ulip', *groups) == (512, 32, 12, 3, 'y', None)
    assert facts('ulip2', *groups) == (512, 32, 18, 6, 'y', 0.4)
    assert facts('point-bert', *groups) == (64, 32, 12, 3, 'y', None)
