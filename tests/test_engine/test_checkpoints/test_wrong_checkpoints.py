"""Twelve checkpoints that must not be trained on, each by the three ways that weights come in."""

import copy
import os

import pytest
import torch
from mmengine.registry import DATASETS, MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.engine import collect_geometry
from mrd_plugin.utils.errors import CheckpointError, ConfigError
from tests.test_engine.toy import ToyModel, ToyShapes, config, train

MINKUNET = dict(
    type='MinkUNetStudent',
    in_channels=4,
    depth=18,
    base_channels=4,
    encoder_channels=(4, 4, 4, 4),
    decoder_channels=(4, 4, 4, 4),
)
POINT_BERT = dict(
    type='PointBERT', in_channels=6, dim=12, depth=1, num_heads=2, num_groups=4, group_size=4
)
VOXELS = dict(type='PairDataPreprocessor', voxel_features=('xyz', 'intensity'))


@DATASETS.register_module(force=True)
class ShapesWithPipeline(ToyShapes):
    def __init__(self, pipeline=(), **kwargs):
        super().__init__(**kwargs)


@MODELS.register_module(force=True)
class Downstream(ToyModel):
    """The toy model beside a real backbone; the preprocessor is in the config alone."""

    def __init__(self, backbone, data_preprocessor=None):
        super().__init__()
        self.backbone = MODELS.build(backbone)


def downstream(folder, backbone, preprocessor=None, up_axis='z', unit_ball=True):
    """A config of the LiDAR family (with a preprocessor) or of the shape family."""
    cfg = config(folder, 1, checkpoint=dict(type='CheckpointHook', interval=10))
    cfg['model'] = dict(type='Downstream', backbone=copy.deepcopy(backbone))
    if preprocessor:
        cfg['model']['data_preprocessor'] = preprocessor
    else:
        steps = [dict(type='CenterScaleUnitBall')] if unit_ball else []
        cfg['train_dataloader']['dataset'].update(
            type='ShapesWithPipeline',
            up_axis=up_axis,
            pipeline=[*steps, dict(type='PackShapeInputs')],
        )
    cfg['default_hooks']['pretrained'] = dict(type='PretrainedCoverageHook')
    return cfg


def pretraining(cfg):
    """The checkpoint of a pre-training whose geometry is that of ``cfg``."""
    state = MODELS.build(copy.deepcopy(cfg['model']['backbone'])).state_dict()
    state = {f'backbone.{name}': value for name, value in state.items()}
    return dict(state_dict=state, meta=dict(geometry=collect_geometry(cfg)))


def take(cfg, way, path):
    """Let a config load the file."""
    if way == 'load_from':
        cfg['load_from'] = str(path)
    elif way == 'hook':
        cfg['default_hooks']['pretrained']['checkpoint'] = str(path)
    else:
        init = dict(type='Pretrained', checkpoint=str(path), prefix='backbone.')
        cfg['model']['backbone']['init_cfg'] = init
    return cfg


class Attack:
    def __reduce__(self):
        return os.mkdir, ('attacked',)


def missing(path):
    path.unlink()


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def malicious(path):
    torch.save(dict(torch.load(path), extra=Attack()), path)


def renamed(path):
    content = torch.load(path)
    state = content['state_dict']
    content['state_dict'] = {f'student.{name}': value for name, value in state.items()}
    torch.save(content, path)


def half(path):
    content = torch.load(path)
    names = sorted(content['state_dict'])[::2]
    content['state_dict'] = {name: content['state_dict'][name] for name in names}
    torch.save(content, path)


LIDAR, SHAPE = (MINKUNET, VOXELS), (POINT_BERT,)
# name: what the pre-training had, what the run has, what happened to the file, what is said
WRONG = {
    'missing file': (LIDAR, LIDAR, missing, r"a.pth': there is no such file; name the ch"),
    'truncated': (LIDAR, LIDAR, truncated, 'a.pth: can not be read as a checkpoint .*truncated'),
    'malicious pickle': (
        SHAPE,
        SHAPE,
        malicious,
        'a.pth: refused, because its pickle asks for .*mkdir',
    ),
    'wrong family': (
        (dict(POINT_BERT, in_channels=4), VOXELS),
        LIDAR,
        None,
        r"a.pth': Only 0.0% of the tensors of (Mink|Downs)",
    ),
    'half of it': (LIDAR, LIDAR, half, "a.pth': Only (49|50).*% .*missing: "),
    'wrong prefix': (
        LIDAR,
        LIDAR,
        renamed,
        "without the prefix 'student.|below prefix='backbone.'",
    ),
    'other width': (
        (dict(POINT_BERT, dim=24),),
        SHAPE,
        None,
        r'Only .*mismatched: .*cls_token: \(1, 1, 12\), \(1, 1, 24\)',
    ),
    'voxel size': (
        (MINKUNET, dict(VOXELS, voxel_size=(0.05, 0.05, 0.05))),
        LIDAR,
        None,
        r'voxel_size=\[0.05, 0.05, 0.05\], but model.data_preprocessor .*=\[0.1, 0.1, 0.1\]',
    ),
    'coordinate system': (
        (MINKUNET, dict(VOXELS, coordinates='cylindrical')),
        LIDAR,
        None,
        "coordinates='cylindrical', but model.data_preprocessor .*coordinates='cartesian'",
    ),
    'input channels': (
        (dict(MINKUNET, in_channels=1), VOXELS),
        LIDAR,
        None,
        'in_channels=1, but model.backbone .*in_channels=4',
    ),
    'up axis': ((*SHAPE, None, 'y'), SHAPE, None, "up_axis='y', but train_dataloader.*up_axis='z'"),
    'normalisation': (
        (*SHAPE, None, 'z', False),
        SHAPE,
        None,
        "normalisation='none', but train_dataloader.dataset .*normalisation='unit_ball'",
    ),
}


@pytest.mark.parametrize('way', ['hook', 'init_cfg', 'load_from'])
@pytest.mark.parametrize('kind', WRONG)
def test_a_wrong_checkpoint_stops_the_run(kind, way, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, now, damage, said = WRONG[kind]
    path = tmp_path / 'a.pth'
    torch.save(pretraining(downstream(tmp_path, *before)), path)
    if damage:
        damage(path)
    with pytest.raises((CheckpointError, ConfigError), match=said) as caught:
        train(take(downstream(tmp_path / 'run', *now), way, path))
    assert '\n' not in str(caught.value)
    assert str(path) in str(caught.value)
    assert not (tmp_path / 'attacked').exists()
    assert not list((tmp_path / 'run').glob('*.pth'))


@pytest.mark.parametrize('way', ['hook', 'init_cfg', 'load_from'])
@pytest.mark.parametrize('family', [LIDAR, SHAPE])
def test_the_right_one_is_loaded(family, way, tmp_path):
    content = pretraining(downstream(tmp_path, *family))
    torch.save(content, tmp_path / 'a.pth')
    cfg = take(downstream(tmp_path / 'run', *family), way, tmp_path / 'a.pth')
    state = train(cfg)[0].model.backbone.state_dict()
    assert all(
        torch.equal(content['state_dict'][f'backbone.{name}'], state[name]) for name in state
    )
