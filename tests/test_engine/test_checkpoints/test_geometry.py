import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS

from mrd_plugin.engine import check_meta, collect_geometry
from mrd_plugin.utils.errors import ConfigError
from tests.test_engine.toy import config, train


@DATASETS.register_module(force=True)
class GeometryShapes(torch.utils.data.Dataset):
    def __init__(self, up_axis='z', no_colour=0.4):
        super().__init__()


@DATASETS.register_module(force=True)
class GeometryChildren(GeometryShapes):
    METAINFO = {'no_colour': 0.5}

    def __init__(self, kind=None, **kwargs):
        super().__init__(**kwargs)


@MODELS.register_module(force=True)
class GeometryBackbone(torch.nn.Module):
    def __init__(self, width, in_channels=6):
        super().__init__()


def geometry_config(num_points=1024, channels=('xyz', 'rgb'), backbone=(), **dataset):
    pipeline = [
        dict(type='SamplePoints', num_points=num_points),
        dict(type='CenterScaleUnitBall'),
        dict(type='PackShapeInputs', channels=channels),
    ]
    shapes = dict(dict(type='GeometryShapes', pipeline=pipeline), **dataset)
    loader = dict(dataset=dict(type='RepeatDataset', times=2, dataset=shapes))
    backbone = dict(type='GeometryBackbone', width=3, **dict(backbone))
    return Config(dict(model=dict(type='Any', backbone=backbone), train_dataloader=loader))


TRAINED = {
    'up_axis': 'z',
    'no_colour': 0.4,
    'num_points': 1024,
    'normalisation': 'unit_ball',
    'channels': ['xyz', 'rgb'],
    'in_channels': 6,
}


def test_collects_from_keys_metainfo_and_defaults():
    assert collect_geometry(geometry_config()) == TRAINED
    child = collect_geometry(geometry_config(type='GeometryChildren'))
    assert (child['up_axis'], child['no_colour']) == ('z', 0.5)
    other = collect_geometry(geometry_config(metainfo=dict(up_axis='x'), no_colour=0.0))
    assert (other['up_axis'], other['no_colour']) == ('x', 0.0)
    assert collect_geometry(Config(dict())) == {}


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(up_axis='y'), "up_axis='z', but train_dataloader.dataset.dataset .*up_axis='y'"),
        (dict(backbone=dict(in_channels=3)), 'in_channels=6, but model.backbone .*in_channels=3'),
        (dict(channels=['xyz']), r"channels=\['xyz', 'rgb'\], but .*channels=\['xyz'\]"),
        (dict(no_colour=0.0), 'no_colour=0.4, but .*no_colour=0.0'),
    ],
)
def test_a_contradiction_names_both_values(change, said):
    with pytest.raises(ConfigError, match=said):
        check_meta({'geometry': TRAINED}, geometry_config(**change))


def test_agreement_advice_and_silence():
    check_meta({'geometry': TRAINED}, geometry_config())
    check_meta({'geometry': TRAINED}, geometry_config(num_points=2048))
    check_meta({}, geometry_config(up_axis='y'))


SWEEPS = {
    'voxel_size': [0.05, 0.05, 0.1],
    'coordinates': 'cartesian',
    'voxel_features': ['xyz', 'intensity'],
    'in_channels': 4,
}
"""What a CMCR pre-training of SECOND's voxel encoder writes."""


def detector(voxel_size=(0.05, 0.05, 0.1), encoder=(), middle=4, coord_type='LIDAR', **model):
    """The parts of a stock SECOND config that say how points become features."""
    preprocessor = dict(type='Det3DDataPreprocessor', voxel_layer=dict(voxel_size=list(voxel_size)))
    pipeline = [dict(type='LoadPointsFromFile', coord_type=coord_type, load_dim=4, use_dim=4)]
    dataset = dict(type='RepeatDataset', dataset=dict(type='KittiDataset', pipeline=pipeline))
    model = dict(
        type='VoxelNet',
        data_preprocessor=preprocessor,
        voxel_encoder=dict(dict(type='HardSimpleVFE'), **dict(encoder)),
        middle_encoder=dict(type='SparseEncoder', in_channels=middle),
        backbone=dict(type='SECOND', in_channels=256),
        **model,
    )
    return Config(dict(model=model, train_dataloader=dict(dataset=dataset)))


def test_stock_detectors_are_collected():
    assert collect_geometry(detector()) == {**SWEEPS, 'up_axis': 'z'}
    check_meta({'geometry': SWEEPS}, detector())
    check_meta({'geometry': SWEEPS}, detector(), 'middle_encoder')
    with pytest.raises(ConfigError, match='in_channels=4, but model.backbone .*in_channels=256'):
        check_meta({'geometry': SWEEPS}, detector(), 'backbone')
    encoded = detector(encoder=dict(type='DynamicVFE', with_cluster_center=True))
    assert 'voxel_features' not in collect_geometry(encoded)
    minkunet = dict(
        data_preprocessor=dict(voxel_type='minkunet', voxel_layer=dict(voxel_size=[0.05]))
    )
    minkunet['backbone'] = dict(type='MinkUNetBackbone', in_channels=4)
    assert collect_geometry(dict(model=minkunet))['voxel_features'] == ['xyz', 'intensity']


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (
            dict(voxel_size=(0.1, 0.1, 0.1)),
            r'voxel_size=\[0.05, 0.05, 0.1\], but .*\[0.1, 0.1, 0.1\]',
        ),
        (dict(middle=5), 'in_channels=4, but model.middle_encoder .*in_channels=5'),
        (
            dict(encoder=dict(num_features=5)),
            r"\['xyz', 'intensity'\], but .*'intensity', 'time'\]",
        ),
        (dict(coord_type='CAMERA'), "up_axis='z', but train_dataloader.dataset.dataset .*'y'"),
    ],
)
def test_a_stock_detector_that_contradicts(change, said):
    with pytest.raises(ConfigError, match=said):
        check_meta({'geometry': {**SWEEPS, 'up_axis': 'z'}}, detector(**change), 'middle_encoder')


def seeds(up_axis):
    """VoteNet over a point transformer: the room has z up, the adapter turns it."""
    pipeline = [dict(type='LoadPointsFromFile', coord_type='DEPTH')]
    inner = dict(type='PointPatchTransformer', scaling=4, in_channels=6)
    backbone = dict(type='PointSeedBackbone', backbone=inner, up_axis=up_axis)
    dataset = dict(type='ScanNetDataset', pipeline=pipeline)
    return Config(dict(model=dict(backbone=backbone), train_dataloader=dict(dataset=dataset)))


def test_an_adapter_says_which_axis_is_up_for_the_backbone():
    module = 'backbone.backbone'
    trained = {'geometry': {'up_axis': 'y', 'in_channels': 6, 'radius': 0.2}}
    check_meta(trained, seeds('y'), module)
    with pytest.raises(ConfigError, match="up_axis='y', but model.backbone of .* up_axis='z'"):
        check_meta(trained, seeds('z'), module)
    with pytest.raises(ConfigError, match='in_channels=4, but model.backbone.backbone .*=6'):
        check_meta({'geometry': {'up_axis': 'y', 'in_channels': 4}}, seeds('y'), module)


def test_numbers_and_sequences_are_compared_by_value():
    trained = {'radius': [0.2, 0.4], 'in_channels': 6}
    same = geometry_config(backbone=dict(radius=(0.2, 0.4000000001)))
    check_meta({'geometry': trained}, same)
    for radius in (0.2, (0.2,), (0.2, 0.5)):
        with pytest.raises(ConfigError, match='radius='):
            check_meta({'geometry': trained}, geometry_config(backbone=dict(radius=radius)))


def test_a_run_refuses_a_checkpoint_that_its_config_contradicts(tmp_path):
    train(config(tmp_path / 'a', 1, up_axis='z'))
    with pytest.raises(ConfigError, match="up_axis='z', but train_dataloader.*up_axis='y'"):
        train(config(tmp_path / 'b', 2, up_axis='y'), resume=tmp_path / 'a' / 'epoch_1.pth')
