"""Every config of the LiDAR family trains two steps on a CPU, resumes and is validated."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.runner import Runner

import mrd_plugin  # noqa: F401
from mrd_plugin.apis.launch import require_data
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.configs import read_config
from tests.helpers.lidar import make_kitti_object, make_nuscenes, make_zod
from tests.test_configs.test_shape_configs import CONFIGS, LIDAR

PRETRAINING = [name for name in LIDAR if 'benchmarks' not in name]
SEGMENTATION = [name for name in LIDAR if 'benchmarks' in name and 'zod-sample' in name]
SIZE = (32, 48)
NARROW = dict(encoder_channels=(8, 8, 16, 16), decoder_channels=(16, 16, 8, 8), base_channels=8)
"""The full student says no more about a config than a narrow one does, and takes minutes."""


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Four frames to train on in each data set."""
    root = tmp_path_factory.mktemp('sweeps')
    scenes = ('scene-0061', 'scene-0553', 'scene-1094')
    return {
        'nuscenes': make_nuscenes(root / 'nuscenes', scenes),
        'kitti': make_kitti_object(root / 'kitti', frames=4),
        'zod': make_zod(root / 'zod'),
    }


def shrink(cfg, folders, work_dir):
    """Small images, random teachers of the same kind, and the tiny data sets."""
    folder = next(folders[name] for name in folders if name in Path(cfg.filename).stem)
    for name in ('train_dataloader', 'val_dataloader'):
        loader = cfg.get(name)
        if not loader:
            continue
        frames = 1 if loader.dataset.type == 'ZODSamplePairs' else 2
        loader.update(batch_size=frames, num_workers=0, persistent_workers=False)
        loader.dataset.data_root = str(folder)
        if loader.dataset.type == 'NuScenesPairs':
            loader.dataset.ann_file = 'nuscenes_infos_train.pkl'
            loader.dataset.data_prefix = None
            loader.dataset.cameras = ['CAM_FRONT', 'CAM_BACK']
        for step in loader.dataset.pipeline:
            if 'size' in step:
                step.size = SIZE
            if 'min_pairs' in step:
                step.min_pairs = 4
            if step.type == 'SLICSuperpixels':
                step.update(n_segments=12, cache_dir=str(work_dir / 'superpixels'))
            if step.type == 'OccupancyQueries':
                step.num_queries = 90
    if cfg.model.backbone.type == 'MinkUNetStudent':
        cfg.model.backbone.update(NARROW)
    teacher = cfg.model.get('teacher')
    if teacher and 'weights' in teacher:
        teacher.weights = None
    if teacher and teacher.type == 'ViTImageTeacher':
        teacher.model = 'vit_tiny_patch16_224'
        cfg.model.point_head.out_channels = 192
    cfg.work_dir = str(work_dir)
    cfg.default_hooks.logger.interval = 1
    return cfg


def train(path, folders, work_dir, epochs, resume=False, **options):
    cfg = shrink(read_config(path), folders, work_dir)
    cfg.merge_from_dict({'train_cfg.max_epochs': epochs, **options})
    if cfg.get('val_dataloader'):
        cfg.train_cfg.val_interval = epochs
    cfg.experiment_name = f'{work_dir.name}_{epochs}'
    cfg.resume = resume
    if resume:
        cfg.load_from = str(work_dir / 'epoch_1.pth')
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test_no_config_is_left_out():
    found = [
        name
        for name in CONFIGS
        if Config.fromfile(name).model.get('data_preprocessor', {}).get('type')
        == 'PairDataPreprocessor'
    ]
    assert sorted(found) == sorted(LIDAR)
    assert 'configs/cmcr/minkunet18_zod-sample.py' in PRETRAINING


@pytest.mark.parametrize('path', PRETRAINING)
def test_pretraining_trains_and_resumes(path, folders, tmp_path):
    work_dir = tmp_path / path.replace('/', '-')
    first = train(path, folders, work_dir, 1)
    steps = first.iter
    assert steps >= 2
    before = {k: v.clone() for k, v in first.model.backbone.state_dict().items()}
    second = train(path, folders, work_dir, 2, resume=True)
    assert second.iter == 2 * steps
    after = second.model.backbone.state_dict()
    assert any(not torch.equal(before[key], after[key]) for key in before)
    assert all(value.isfinite().all() for value in after.values())
    scalars = second.message_hub.log_scalars
    terms = [name for name in scalars if name.startswith('train/loss_')]
    assert terms and all(torch.tensor(scalars[name].current()).isfinite() for name in terms)
    if second.val_loop is not None:
        assert scalars['val/pairs/n'].current() >= 1


@pytest.mark.parametrize('path', SEGMENTATION)
def test_segmentation_starts_from_the_backbone_and_is_scored(path, folders, tmp_path):
    cfg = Config.fromfile(path)
    torch.manual_seed(1)
    backbone = MODELS.build({**cfg.model.backbone, **NARROW})
    weights = {k: v.clone() for k, v in backbone.named_parameters()}
    saved = {f'backbone.{key}': value for key, value in backbone.state_dict().items()}
    torch.save(dict(state_dict=saved, meta={}), tmp_path / 'pre-trained.pth')
    options = {'default_hooks.pretrained.checkpoint': str(tmp_path / 'pre-trained.pth')}
    work_dir = tmp_path / path.replace('/', '-')
    first = train(path, folders, work_dir, 1, **options)
    tuned = dict(first.model.backbone.named_parameters())
    drift = max(float((weights[key] - tuned[key]).abs().max()) for key in weights)
    assert drift < 0.1 and (drift == 0) is cfg.model.get('freeze_backbone', False)
    second = train(path, folders, work_dir, 2, resume=True, **options)
    assert second.iter == 2 * first.iter
    assert second.message_hub.get_scalar('val/segmentation/n_points').current() >= 1


@pytest.mark.parametrize('path', [name for name in PRETRAINING if 'nuscenes' in name])
def test_missing_nuscenes_says_what_to_do(path):
    with pytest.raises(ConfigError, match='nuscenes'):
        require_data(Config.fromfile(path), 'train_dataloader')
