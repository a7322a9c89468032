"""Every config for parts and rooms starts from its backbone, trains two steps and is scored."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.runner import Runner

import mrd_plugin  # noqa: F401
from mrd_plugin.apis.launch import require_data
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.configs import read_config
from tests.helpers.lidar import real_data
from tests.helpers.parts import make_shapenetpart
from tests.test_configs.test_shape_configs import DENSE

SMALL = dict(depth=3, num_patches=8, num_neighbours=8, dim=16, num_heads=2, mlp_dim=16, sa_dim=8)
WIDTH = 2 * 3 * SMALL['dim']  # the backbone's three levels, and the largest of each


def small(path, work_dir, parts):
    """The config on tiny data with a small backbone, two steps long."""
    cfg = read_config(path)
    cfg.model.backbone.update(SMALL)
    for name in ('train_dataloader', 'val_dataloader'):
        cfg[name].update(batch_size=2 if name[0] == 't' else 1, num_workers=0)
        cfg[name].persistent_workers = False
        shrink = dict(SamplePoints=64, IndoorPatchPointSample=64)
        for step in cfg[name].dataset.pipeline:
            if step['type'] in shrink:
                step['num_points'] = shrink[step['type']]
            if step['type'] == 'IndoorPatchPointSample':
                step['min_unique_num'] = 5
        if 'shapenetpart' in path:
            cfg[name].dataset.data_root = str(parts)
    if 'shapenetpart' in path:
        cfg.train_dataloader.dataset.indices = 4
    else:
        use_fixture(cfg, 's3dis' if 's3dis' in path else 'scannet')
        cfg.model.decode_head.fp_channels = (WIDTH, 16)
        cfg.model.test_cfg.update(num_points=64)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.default_hooks.logger.interval = 1
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = cfg.visualizer.name = work_dir.name
    return cfg


def use_fixture(cfg, name):
    """MMDetection3D's own slice of a room, four times in training and once in validation."""
    root = real_data('mmdet3d_fixtures', name)
    for loader, times in ((cfg.train_dataloader, 4), (cfg.val_dataloader, 1)):
        index = np.zeros(times, dtype=int).tolist()
        loader.dataset.update(data_root=str(root))
        if name == 's3dis':
            loader.dataset.update(ann_files=['s3dis_infos.pkl'], scene_idxs=[index])
        else:
            loader.dataset.update(ann_file='scannet_infos.pkl', scene_idxs=index)


@pytest.fixture(scope='module')
def parts(tmp_path_factory):
    return make_shapenetpart(tmp_path_factory.mktemp('parts') / 'shapenetpart')


@pytest.mark.parametrize('path', DENSE)
def test_starts_from_the_backbone_and_is_scored(path, parts, tmp_path):
    cfg = small(path, tmp_path / Path(path).stem, parts)
    torch.manual_seed(1)
    backbone = MODELS.build(cfg.model.backbone)
    start = {key: value.detach().clone() for key, value in backbone.named_parameters()}
    saved = {f'backbone.{key}': value for key, value in backbone.state_dict().items()}
    torch.save(dict(state_dict=saved, meta={}), tmp_path / 'pre-trained.pth')
    assert cfg.default_hooks.pretrained.checkpoint is None
    cfg.default_hooks.pretrained.checkpoint = str(tmp_path / 'pre-trained.pth')
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 2
    tuned = dict(runner.model.backbone.named_parameters())
    drift = max(float((start[key] - tuned[key]).abs().max().detach()) for key in start)
    assert drift < 0.01 and (drift == 0) is cfg.model.get('freeze_backbone', False)
    scalars = runner.message_hub.log_scalars
    assert np.isfinite(scalars['train/loss'].current())
    if 'shapenetpart' in path:
        assert scalars['val/parts/n'].current() == 4
        assert 0 <= scalars['val/parts/instance_miou'].current() <= 1
    else:
        assert 0 <= scalars['val/acc'].current() <= 1
        assert {'val/miou', 'val/acc_cls'} <= set(scalars)


@pytest.mark.parametrize('path', DENSE)
def test_points_are_what_the_backbones_were_trained_on(path):
    cfg = Config.fromfile(path)
    pretraining = Config.fromfile('configs/mrd/pointbert_objaverse.py')
    assert cfg.model.backbone == pretraining.model.backbone
    steps = [step['type'] for step in cfg.train_pipeline]
    if 'shapenetpart' in path:
        drops = {step.value for step in pretraining.train_pipeline if step.type == 'ColorDrop'}
        assert {cfg[f'{n}_dataloader'].dataset.no_colour for n in ('train', 'val')} == drops
        assert {'SwapYZ', 'CenterScaleUnitBall'} <= set(steps)
    else:
        columns = next(s for s in cfg.train_pipeline if s['type'] == 'IndoorPatchPointSample')
        assert columns['use_normalized_coord'] is cfg.model.test_cfg.use_normalized_coord is False
        assert columns['num_points'] == cfg.model.test_cfg.num_points
        assert columns['block_size'] == cfg.model.test_cfg.block_size
        assert 'NormalizePointsColor' in steps


def test_missing_data_say_what_to_fetch():
    cfg = Config.fromfile('configs/mrd/benchmarks/pointbert_shapenetpart_finetune.py')
    with pytest.raises(ConfigError, match='there is no such folder; fetch shapenetcore_partanno'):
        require_data(cfg, 'train_dataloader')
