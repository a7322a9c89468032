"""Every rung of the segmentation ladder trains two steps from its backbone and is scored."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner

import mrd_plugin  # noqa: F401
from mrd_plugin.apis.launch import require_data
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.configs import read_config
from tests.helpers.segmentation import make_lidarseg, make_semantickitti
from tests.test_configs.test_lidar_configs import NARROW
from tests.test_configs.test_shape_configs import LIDAR

LADDER = [
    name
    for name in LIDAR
    if Path(name).parent.name == 'benchmarks'
    and ('_nuscenes_' in name or '_semantickitti_' in name)
]
PRETRAINING = {
    'cmcr': 'configs/cmcr/minkunet34_nuscenes.py',
    'slidr': 'configs/slidr/res16unet34c_moco_1xb4-50e_nuscenes.py',
    'st_slidr': 'configs/st_slidr/res16unet34c_moco_2xb8-50e_nuscenes.py',
    'scalr': 'configs/scalr/minkunet34_nuscenes.py',
}


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp('labelled')
    scenes = [f'scene-{i:04d}' for i in range(3)]
    return {
        '_nuscenes_': make_lidarseg(root / 'nuscenes', scenes, count=400),
        '_semantickitti_': make_semantickitti(root / 'semantickitti', frames=3, count=400),
    }


def small(path, folders, work_dir):
    """The config on tiny data with a narrow network, two steps long; rates and fractions stay."""
    cfg = read_config(path)
    folder = next(folders[name] for name in folders if name in path)
    for name in ('train_dataloader', 'val_dataloader'):
        loader = cfg[name]
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.update(data_root=str(folder), serialize_data=False)
    cfg.train_dataloader.batch_size = 1
    cfg.train_dataloader.dataset.fraction = max(cfg.train_dataloader.dataset.fraction, 0.34)
    cfg.train_dataloader.dataset.indices = 2
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.model.backbone.update(depth=18, **NARROW)
    cfg.default_hooks.logger.interval = 1
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    return cfg


@pytest.mark.parametrize('path', LADDER)
def test_starts_from_the_backbone_and_is_scored(path, folders, tmp_path):
    cfg = small(path, folders, tmp_path / Path(path).stem)
    torch.manual_seed(1)
    backbone = MODELS.build(cfg.model.backbone)
    start = {key: value.clone() for key, value in backbone.named_parameters()}
    scratch = '_scratch-' in path
    if scratch:
        assert cfg.default_hooks.pretrained.checkpoint is None
    else:
        saved = {f'backbone.{key}': value for key, value in backbone.state_dict().items()}
        torch.save(dict(state_dict=saved, meta={}), tmp_path / 'pre-trained.pth')
        cfg.default_hooks.pretrained.checkpoint = str(tmp_path / 'pre-trained.pth')
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 2
    tuned = dict(runner.model.backbone.named_parameters())
    drift = max(float((start[key] - tuned[key]).abs().max().detach()) for key in start)
    if scratch:
        assert drift > 0.1
    else:  # two steps from the given backbone, not from another start
        assert drift < 0.1 and (drift == 0) is path.endswith('linear-probe.py')
    scalars = runner.message_hub.log_scalars
    assert all(
        torch.tensor(scalars[f'train/loss_{t}'].current()).isfinite() for t in ('ce', 'lovasz')
    )
    assert scalars['val/segmentation/n_points'].current() > 300
    assert scalars['val/segmentation/n_samples'].current() == 1


def test_the_ladder_is_whole():
    rungs = ['linear-probe', *(f'finetune-{part}pct' for part in (1, 5, 10, 25, 100))]
    for method in PRETRAINING:
        own = [Path(name).stem for name in LADDER if f'/{method}/' in name]
        assert {name.rpartition('_')[2] for name in own if '_nuscenes_' in name} >= set(rungs)
        assert any(name.endswith('_semantickitti_finetune-1pct') for name in own)


@pytest.mark.parametrize('path', LADDER)
def test_protocol_is_the_published_one_and_geometry_the_pretraining_s(path):
    cfg = Config.fromfile(path)
    method = Path(path).parts[1]
    first = Config.fromfile(PRETRAINING[method])
    assert cfg.model.backbone == first.model.backbone
    assert cfg.model.data_preprocessor == first.model.data_preprocessor
    stem, kitti = Path(path).stem, '_semantickitti_' in path
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.momentum, optimizer.dampening) == ('SGD', 0.9, 0.1)
    rates = (cfg.optim_wrapper.paramwise_cfg or {}).get('custom_keys', {})
    if 'finetune' in stem:
        assert optimizer.lr == (0.05 if kitti else 0.02)
        assert optimizer.lr * rates['seg_head'].lr_mult == pytest.approx(2.0)
        source = Path(cfg.default_hooks.pretrained.checkpoint)
        assert source.name == f'epoch_{first.train_cfg.max_epochs}.pth'
        assert str(source.parent) == first.work_dir
    else:
        assert optimizer.lr == 0.05 and not rates
    part = stem.partition('pct')[0].rpartition('-')[2]
    fraction = 1.0 if part == 'probe' else int(part) / 100
    assert cfg.train_dataloader.dataset.fraction == fraction
    epochs = 100 if fraction == 0.01 else 50
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler[0].T_max == epochs
    assert 'fraction' not in cfg.val_dataloader.dataset  # the whole validation set
    assert cfg.model.num_classes == (19 if kitti else 16)
    assert cfg.work_dir == f'work_dirs/{method}_{stem}'
    if not kitti:
        scales = {cfg[f'{n}_dataloader'].dataset.intensity_scale for n in ('train', 'val')}
        assert scales == {first.train_dataloader.dataset.intensity_scale}


def test_head_and_backbone_have_their_own_rates(folders, tmp_path):
    path = 'configs/cmcr/benchmarks/minkunet34_nuscenes_finetune-5pct.py'
    runner = Runner.from_cfg(small(path, folders, tmp_path / 'rates'))
    wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    rate = {id(p): group['lr'] for group in wrapper.param_groups for p in group['params']}
    for name, parameter in runner.model.named_parameters():
        assert rate[id(parameter)] == pytest.approx(2.0 if name.startswith('seg_head') else 0.02)


@pytest.mark.parametrize('data, words', [('nuscenes', 'lidarseg'), ('semantickitti', 'velodyne')])
def test_missing_data_say_what_to_fetch(data, words):
    cfg = Config.fromfile(f'configs/cmcr/benchmarks/minkunet34_{data}_finetune-1pct.py')
    with pytest.raises(ConfigError, match=f'there is no such folder(?s:.*){words}'):
        require_data(cfg, 'train_dataloader')


def test_a_backbone_of_other_voxels_is_refused(folders, tmp_path):
    path = 'configs/cmcr/benchmarks/minkunet34_nuscenes_finetune-1pct.py'
    cfg = small(path, folders, tmp_path / 'other')
    state = MODELS.build(cfg.model.backbone).state_dict()
    geometry = dict(voxel_size=[0.1, 1.0, 0.1], coordinates='cylindrical')
    content = dict(
        state_dict={f'backbone.{k}': v for k, v in state.items()}, meta=dict(geometry=geometry)
    )
    torch.save(content, tmp_path / 'slidr.pth')
    cfg.default_hooks.pretrained.checkpoint = str(tmp_path / 'slidr.pth')
    with pytest.raises(
        ConfigError, match=r'voxel_size=\[0.1, 1.0, 0.1\].*voxel_size=\[0.1, 0.1, 0.1\]'
    ):
        Runner.from_cfg(cfg).train()


def test_the_real_keyframe_is_learnt(folders, tmp_path):
    path = 'configs/scalr/benchmarks/minkunet34_nuscenes_finetune-1pct.py'
    cfg = small(path, folders, tmp_path / 'real')
    cfg.model.data_preprocessor.voxel_size = (0.5, 0.5, 0.5)  # a slice has few points
    torch.manual_seed(0)
    np.random.seed(0)
    model = MODELS.build(cfg.model)
    sample = DATASETS.build(cfg.train_dataloader.dataset)[0]
    batch = model.data_preprocessor(
        dict(
            inputs=dict(points=[sample['inputs']['points']]),
            data_samples=[sample['data_samples']],
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    terms = []
    for _ in range(15):
        losses = model(**batch, mode='loss')
        optimizer.zero_grad()
        (losses['loss_ce'] + losses['loss_lovasz']).backward()
        optimizer.step()
        terms.append(float(losses['loss_ce'].detach()))
    assert terms[-1] < 0.6 * terms[0]
