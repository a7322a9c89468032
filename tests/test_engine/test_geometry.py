import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS

from mrd_plugin.engine import check_meta, collect_geometry
from mrd_plugin.utils.errors import ConfigError

from .toy import config, train


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


def test_a_run_refuses_a_checkpoint_that_its_config_contradicts(tmp_path):
    train(config(tmp_path / 'a', 1, up_axis='z'))
    with pytest.raises(ConfigError, match="up_axis='z', but train_dataloader.*up_axis='y'"):
        train(config(tmp_path / 'b', 2, up_axis='y'), resume=tmp_path / 'a' / 'epoch_1.pth')
