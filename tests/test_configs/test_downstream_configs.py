"""Every downstream config takes a backbone, trains two steps on a CPU, resumes and is scored."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from mrd_plugin.apis.launch import require_data
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.furniture import furniture_options, shared_furniture
from tests.test_configs.test_shape_configs import DOWNSTREAM, train
from tests.test_datasets.test_shapes.test_classification import (
    write_modelnet_txt,
    write_scanobjectnn,
)

SMALL = {'depth': 1, 'num_patches': 16, 'num_neighbours': 8}
"""The full student says no more about a config than a small one does."""


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('downstream')
    furniture = furniture_options(shared_furniture())
    del furniture['model.teacher.root']  # a classifier has no teacher
    folders = {
        'modelnet40': write_modelnet_txt(root / 'modelnet'),
        'scanobjectnn': write_scanobjectnn(root / 'scanobjectnn'),
    }
    options = {
        name: {f'{loader}_dataloader.dataset.data_root': str(folder) for loader in ('train', 'val')}
        for name, folder in folders.items()
    }
    return {'furniture': furniture, **options}


@pytest.mark.parametrize('path', DOWNSTREAM)
def test_trains_from_a_backbone_and_resumes(path, data, tmp_path):
    options = dict(next(data[name] for name in data if f'_{name}' in path))
    cfg = Config.fromfile(path)
    if cfg.model.backbone.get('scaling'):
        options.update({f'model.backbone.{key}': value for key, value in SMALL.items()})
    torch.manual_seed(1)
    backbone = MODELS.build({**cfg.model.backbone, **options_of('model.backbone.', options)})
    weights = {k: v.clone() for k, v in backbone.named_parameters()}
    saved = {f'backbone.{key}': value for key, value in backbone.state_dict().items()}
    torch.save(dict(state_dict=saved, meta={}), tmp_path / 'pre-trained.pth')
    options['default_hooks.pretrained.checkpoint'] = str(tmp_path / 'pre-trained.pth')
    work_dir = tmp_path / path.replace('/', '-')
    tuned = dict(train(path, options, work_dir, 1).model.backbone.named_parameters())
    drift = max(float((weights[key] - tuned[key]).abs().max()) for key in weights)
    assert drift < 0.01  # two steps from the given backbone, not from another start
    assert (drift == 0) is cfg.model.get('freeze_backbone', False)
    second = train(path, options, work_dir, 2, resume=True)
    assert second.iter == 4
    assert second.message_hub.get_scalar('val/accuracy/n').current() >= 1
    assert np.isfinite(second.message_hub.get_scalar('train/loss').current())


def options_of(prefix, options):
    """What the overrides set below a key."""
    return {k[len(prefix) :]: v for k, v in options.items() if k.startswith(prefix)}


@pytest.mark.parametrize('path', [name for name in DOWNSTREAM if 'furniture' not in name])
def test_missing_data_say_what_to_fetch(path):
    with pytest.raises(
        ConfigError, match='there is no such folder; (fetch modelnet40|ask the auth)'
    ):
        require_data(Config.fromfile(path), 'train_dataloader')


@pytest.mark.parametrize('path', [name for name in DOWNSTREAM if 'furniture' not in name])
def test_no_colour_is_what_the_backbones_were_trained_with(path):
    cfg = Config.fromfile(path)
    pretraining = Config.fromfile('configs/mrd/pointbert_objaverse.py')
    drops = [s.value for s in pretraining.train_pipeline if s.type == 'ColorDrop']
    assert {cfg.train_dataloader.dataset.no_colour, cfg.val_dataloader.dataset.no_colour} == {
        *drops
    }
