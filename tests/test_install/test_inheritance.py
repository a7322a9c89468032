"""The lines of docs/guides/drop_in.md over stock configs of mmdet3d, from an installed wheel."""

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.engine import collect_geometry
from tests.helpers.lidar import real_data
from tests.test_install.conftest import run_elsewhere

DOC = Path(__file__).resolve().parents[2] / 'docs' / 'guides' / 'drop_in.md'
BLOCKS = re.findall(r'```python\n(_base_.*?)```', DOC.read_text(), re.DOTALL)
TRAIN = """
import sys
from mmengine.config import Config
from mmengine.runner import Runner

cfg = Config.fromfile('child.py')
imported = sys.modules['mrd_plugin'].__file__  # by the config, not by this script
# one sweep instead of KITTI, a smaller range in front, one thin block on the map from above
loader = cfg.train_dataloader
dataset = loader.dataset.dataset
dataset.update(data_root={root!r}, ann_file='kitti_infos_train.pkl')
dataset.data_prefix = dict(pts='training/velodyne_reduced')
slow = ('ObjectSample', 'ObjectNoise')  # a data base of objects; compiled by numba
dataset.pipeline = [step for step in dataset.pipeline if step.type not in slow]
point_range = [0, -12.8, -3, 25.6, 12.8, 1]
for step in dataset.pipeline:
    if 'point_cloud_range' in step:
        step.point_cloud_range = point_range
loader.update(batch_size=1, num_workers=0, persistent_workers=False)
cfg.model.data_preprocessor.voxel_layer.point_cloud_range = point_range
cfg.model.middle_encoder.sparse_shape = [41, 512, 512]
cfg.model.backbone.update(layer_nums=[1, 1], out_channels=[16, 16])
cfg.model.neck.update(in_channels=[16, 16], out_channels=[16, 16])
cfg.model.bbox_head.update(in_channels=32, feat_channels=32)
for key in ('dataloader', 'evaluator', 'cfg'):
    cfg[f'val_{{key}}'] = cfg[f'test_{{key}}'] = None
cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
cfg.update(work_dir='out', param_scheduler=[], randomness=dict(seed=0))
runner = Runner.from_cfg(cfg)
runner.train()

import torch
given = torch.load('pre-trained.pth')['state_dict']
own = dict(runner.model.middle_encoder.named_parameters())
drift = max(float((given[f'backbone.{{name}}'] - value).abs().max()) for name, value in own.items())
print(imported)
print(runner.iter, drift)
"""


@pytest.fixture
def user(tmp_path):
    """A folder far from the source tree, with the checkpoint of a CMCR pre-training."""
    pretraining = Config.fromfile(DOC.parents[2] / 'configs' / 'cmcr' / 'second_kitti.py')
    backbone = MODELS.build(pretraining.model.backbone)
    state = {f'backbone.{name}': value for name, value in backbone.state_dict().items()}
    meta = dict(geometry=collect_geometry(pretraining))
    torch.save(dict(state_dict=state, meta=meta), tmp_path / 'pre-trained.pth')
    return tmp_path


def test_a_stock_config_and_five_lines_train(site, user):
    (block,) = (block for block in BLOCKS if 'second_hv' in block)
    assert len(block.strip().splitlines()) == 5
    (user / 'child.py').write_text(block)
    root = str(real_data('mmdet3d_fixtures', 'kitti'))
    result = run_elsewhere(TRAIN.format(root=root), user, site)
    assert result.returncode == 0, result.stderr[-2000:]
    where, figures = result.stdout.strip().splitlines()[-2:]
    assert where == str(site / 'mrd_plugin' / '__init__.py')
    steps, drift = figures.split()
    assert steps == '2' and 0 < float(drift) < 0.02  # two steps from the given weights
    assert re.search(r'middle_encoder +\d+ +0 +0 +0 +100.0%', result.stdout)


@pytest.mark.parametrize('block', BLOCKS)
def test_every_block_of_the_page_is_a_config(block, tmp_path):
    (tmp_path / 'child.py').write_text(block)
    cfg = Config.fromfile(tmp_path / 'child.py')
    assert cfg.default_hooks.pretrained.type == 'PretrainedCoverageHook'
    assert 'pre-trained.pth' in cfg.pretty_text
    assert {'timer', 'checkpoint', 'param_scheduler'} <= set(
        cfg.default_hooks
    )  # the stock ones stay
