"""Every config is read, built, trained two steps on a CPU, resumed and evaluated."""

import json
import re
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from safetensors.torch import save_file

import mrd_plugin  # noqa: F401
from mrd_plugin.apis.launch import require_data
from mrd_plugin.datasets.shapes.neighbours import write_neighbours
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.configs import read_config
from tests.helpers.furniture import furniture_options, make_furniture
from tests.helpers.sunrgbd import make_rooms

CONFIGS = sorted(str(p) for p in Path('configs').rglob('*.py') if '_base_' not in p.parts)
DETECTION = [name for name in CONFIGS if 'detection' in name]  # test_detection_configs.py
LIDAR = [  # test_lidar_configs.py
    name
    for name in CONFIGS
    if any(data in name for data in ('nuscenes', 'kitti', 'zod-sample')) and name not in DETECTION
]
DENSE = [  # test_dense_configs.py
    name
    for name in CONFIGS
    if any(f'_{data}_' in name for data in ('shapenetpart', 's3dis', 'scannet'))
    and name not in DETECTION
]
DOWNSTREAM = [  # test_downstream_configs.py
    name for name in CONFIGS if 'benchmarks' in name and name not in LIDAR + DENSE
]
FURNITURE = [name for name in CONFIGS if 'furniture' in name and name not in DOWNSTREAM]
OBJAVERSE = [name for name in CONFIGS if 'objaverse' in name]
SUNRGBD = [name for name in CONFIGS if 'sunrgbd' in name and name not in DETECTION]

# The published student at full size is trained once; the other configs differ in what is around it.
SMALL_STUDENT = {'model.backbone.depth': 1, 'model.backbone.num_patches': 32}


def test_no_config_is_left_out():
    assert (
        sorted(FURNITURE + OBJAVERSE + SUNRGBD + DOWNSTREAM + DENSE + LIDAR + DETECTION) == CONFIGS
    )
    assert {'configs/mrd/pointbert_furniture.py', 'configs/mrd/pointbert_objaverse.py'} < set(
        CONFIGS
    )


@pytest.fixture(scope='session')
def furniture(tmp_path_factory):
    return make_furniture(tmp_path_factory.mktemp('furniture'), views=2)


@pytest.fixture(scope='session')
def openshape(tmp_path_factory):
    """Seven shapes with 1280-d features in OpenShape's own files; the last is the test shape.

    Beside them a rendering, for configs that encode them online.
    """
    root = tmp_path_factory.mktemp('openshape')
    rng = np.random.default_rng(0)
    rows = []
    for i in range(7):
        feature = rng.normal(size=(3, 1, 1280)).astype(np.float32)
        texts = [dict(original=feature[0], prompt_avg=feature[1])]
        content = dict(
            dataset='Objaverse',
            group='000-000',
            id=f'shape{i}',
            xyz=rng.uniform(-1, 1, (500, 3)).astype(np.float32),
            rgb=rng.uniform(0, 1, (500, 3)).astype(np.float32),
            image_feat=rng.normal(size=(12, 1280)).astype(np.float32),
            thumbnail_feat=rng.normal(size=1280).astype(np.float32),
            text=[f'thing {i}'],
            text_feat=texts,
            blip_caption='',
            blip_caption_feat=texts[0],
            msft_caption='a thing',
            msft_caption_feat=texts[0],
            retrieval_text=[],
            retrieval_text_feat=[],
        )
        path = root / 'Objaverse' / '000-000' / f'shape{i}.npy'
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.array(content, dtype=object), allow_pickle=True)
        rows.append(dict(id=f'shape{i}', dataset='Objaverse', group='000-000', data_path=str(path)))
    meta = root / 'meta_data'
    (meta / 'split').mkdir(parents=True)
    (meta / 'split' / 'train_all.json').write_text(json.dumps(rows[:6]))
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(root / 'view.png')
    views = [dict(id=row['id'], shape=row['data_path'], images=['view.png']) for row in rows[:6]]
    (meta / 'renderings.json').write_text(json.dumps(views))
    lvis = [dict(uid=rows[6]['id'], category='thing', **rows[6])]
    (meta / 'split' / 'lvis.json').write_text(json.dumps(lvis))
    np.save(meta / 'lvis_cat_name_pt_feat.npy', rng.normal(size=(1, 1280)).astype(np.float32))
    (meta / 'gpt4_filtering.json').write_text('{}')
    return root


@pytest.fixture(scope='session')
def small_clip(tmp_path_factory):
    """A CLIP of open_clip's own classes by embedding width: architecture name and weight file."""
    folder = tmp_path_factory.mktemp('clip')
    found = {}
    for dim in (512, 1280):
        config = dict(
            embed_dim=dim,
            vision_cfg=dict(image_size=32, layers=1, width=64, patch_size=16),
            text_cfg=dict(context_length=77, vocab_size=49408, width=64, heads=1, layers=1),
        )
        name = f'tiny-{dim}'
        (folder / f'{name}.json').write_text(json.dumps(config))
        open_clip.add_model_config(folder / f'{name}.json')
        weights = open_clip.create_model(name).state_dict()
        save_file({k: v.contiguous() for k, v in weights.items()}, folder / f'{name}.safetensors')
        found[dim] = name, str(folder / f'{name}.safetensors')
    return found


def online_teacher_options(path, small_clip):
    """A small teacher in place of one that would be downloaded."""
    model = Config.fromfile(path).model
    if model.teacher.type != 'OpenCLIPTeacher':
        return {}
    name, weights = small_clip[model.head.out_channels]
    return {'model.teacher.model': name, 'model.teacher.pretrained': weights}


def openshape_options(root):
    return {f'{name}_dataloader.dataset.data_root': str(root) for name in ('train', 'val', 'test')}


def sunrgbd_options(root, path):
    """The rooms of the tests and a student that a CPU trains in seconds."""
    options = openshape_options(root)
    for name in ('train', 'val', 'test'):
        options[f'{name}_dataloader.dataset.pipeline.2.min_points'] = 100
        options[f'{name}_dataloader.dataset.pipeline.3.num_points'] = 500
    if 'pointnet2' in path:
        options['model.backbone.num_points'] = (64, 32, 16, 8)
    else:
        options.update(SMALL_STUDENT)
    return options


def with_first_stage(path, options, folder):
    """Options for a config, after the stage that it builds on was trained, if there is one."""
    options = dict(options)
    cfg = Config.fromfile(path)
    if 'holdout' in cfg:  # leaves four of the six shapes to train on
        options.update({f'{n}_dataloader.dataset.holdout': 0.1 for n in ('train', 'val', 'test')})
    if 'first_stage' in cfg:
        work_dir = folder / 'first_stage'
        shared = {k: v for k, v in options.items() if not k.startswith('model.backbone.')}
        first = with_first_stage(cfg.first_stage.config, shared, folder)
        train(cfg.first_stage.config, first, work_dir, 1)
        options[cfg.first_stage.key] = str(work_dir)
    return options


def hard_negative_options(ids, work_dir):
    """Overrides for a second round: groups of two, a table of neighbours, no first round."""
    index = (np.arange(len(ids))[:, None] + np.arange(1, 3)) % len(ids)
    write_neighbours(work_dir / 'neighbours.npz', ids, index, {})
    return {
        'load_from': None,
        'model.loss.group_size': 2,
        'train_dataloader.sampler.group_size': 2,
        'train_dataloader.sampler.neighbours': str(work_dir / 'neighbours.npz'),
    }


def train(path, options, work_dir, epochs, resume=False):
    cfg = read_config(path)
    cfg.merge_from_dict(options)
    cfg.merge_from_dict(
        {
            'work_dir': str(work_dir),
            'train_cfg.max_epochs': epochs,
            'train_cfg.val_interval': epochs,
            'train_dataloader.batch_size': 2,
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'val_dataloader.num_workers': 0,
            'default_hooks.logger.interval': 1,
            'visualizer.name': f'{work_dir.name}_{epochs}',
            'experiment_name': f'{work_dir.name}_{epochs}',
        }
    )
    cfg.train_dataloader.dataset.indices = 4  # two steps per epoch
    cfg.resume = resume
    if resume:
        cfg.load_from = str(work_dir / 'epoch_1.pth')
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def check_two_steps_and_resume(path, options, tmp_path):
    work_dir = tmp_path / path.replace('/', '-')
    options = with_first_stage(path, options, tmp_path)
    first = train(path, options, work_dir, 1)
    assert first.iter == 2
    before = {k: v.clone() for k, v in trained_part(first.model).state_dict().items()}
    second = train(path, options, work_dir, 2, resume=True)
    assert second.iter == 4
    after = trained_part(second.model).state_dict()
    assert any(not torch.equal(before[key], after[key]) for key in before)
    assert all(value.isfinite().all() for value in after.values())
    counts = [name for name in second.message_hub.log_scalars if re.fullmatch('val/.*/n', name)]
    assert counts
    assert all(second.message_hub.get_scalar(name).current() >= 1 for name in counts)


def trained_part(model):
    """The backbone, or what a model without one trains."""
    return model.backbone if hasattr(model, 'backbone') else model.adapter


@pytest.mark.parametrize('path', FURNITURE)
def test_furniture_configs_train_and_resume(path, furniture, tmp_path):
    options = furniture_options(furniture)
    if 'hard-negatives' in path:
        ids = json.loads((furniture / 'split.json').read_text())['train']
        options.update(hard_negative_options(ids, tmp_path))
    check_two_steps_and_resume(path, options, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('path', OBJAVERSE)
def test_objaverse_configs_train_and_resume(path, openshape, small_clip, tmp_path):
    options = {**openshape_options(openshape), **online_teacher_options(path, small_clip)}
    if 'hard-negatives' in path:
        options.update(hard_negative_options([f'shape{i}' for i in range(6)], tmp_path))
    if path != 'configs/mrd/pointbert_objaverse.py' and 'pointbert' in path:
        options.update(SMALL_STUDENT)
    check_two_steps_and_resume(path, options, tmp_path)


@pytest.mark.parametrize('path', SUNRGBD)
def test_sunrgbd_configs_train_and_resume(path, small_clip, tmp_path):
    rooms = make_rooms(tmp_path / 'rooms')
    options = {**sunrgbd_options(rooms, path), **online_teacher_options(path, small_clip)}
    check_two_steps_and_resume(path, options, tmp_path)


def test_missing_sunrgbd_says_what_to_do():
    with pytest.raises(ConfigError, match='sunrgbd.*prepare it as MMDetection3D'):
        require_data(Config.fromfile('configs/kd2d/pointbert_sunrgbd.py'), 'train_dataloader')


@pytest.mark.parametrize('path', OBJAVERSE)
def test_missing_objaverse_says_what_to_do(path):
    with pytest.raises(ConfigError, match='205 GB(?s:.*)pointbert_furniture.py'):
        require_data(Config.fromfile(path), 'train_dataloader')


def test_missing_furniture_says_what_to_do():
    cfg = Config.fromfile('configs/openshape/pointbert_furniture.py')
    cfg.train_dataloader.dataset.data_root = 'nowhere'
    with pytest.raises(ConfigError, match='tools/prepare/furniture.py') as error:
        require_data(cfg, 'train_dataloader')
    assert '205 GB' not in str(error.value)


def test_metafiles_name_configs_that_exist():
    index = yaml.safe_load(Path('model-index.yml').read_text())
    named = []
    for metafile in index['Import']:
        content = yaml.safe_load(Path(metafile).read_text())
        assert Path(content['Collections'][0]['README']).is_file()
        for model in content['Models']:
            assert Path(model['Config']).is_file()
            assert model['In Collection'] == content['Collections'][0]['Name']
            named.append(model['Config'])
    assert sorted(named) == [name for name in CONFIGS if 'ablations' not in name]


def test_readmes_name_files_that_exist():
    for readme in Path('configs').rglob('README.md'):
        for name in re.findall(
            r'(?<!\w)(?:configs|tests|tools|docs)/[\w/.-]+\.(?:py|md|sh)', readme.read_text()
        ):
            assert Path(name).is_file(), f'{readme} names {name}'
