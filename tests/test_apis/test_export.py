"""A backbone leaves its pre-training checkpoint: equal, with its geometry, readable by all."""

import re

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.runner import Runner

from mrd_plugin.apis import export_backbone, load_backbone, load_encoder
from mrd_plugin.engine import read_checkpoint, read_meta
from mrd_plugin.utils.errors import CheckpointError, ConfigError
from mrd_plugin.utils.files import file_sha256
from mrd_plugin.version import __version__
from tests.test_engine.test_hooks.test_pretrained_coverage import CoverageBackbone, pretrained, run
from tests.test_engine.toy import OURS, config, train


@MODELS.register_module(force=True)
class ExportNet(BaseModel):
    """A pre-trainer in small: a backbone that learns and a head."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = MODELS.build(backbone)
        self.head = torch.nn.Linear(4, 1)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x = torch.stack(list(inputs))
        for layer in self.backbone.layers:
            x = layer(x)
        out = self.head(x)
        return (
            [dict(score=value) for value in out]
            if mode == 'predict'
            else dict(loss=out.square().mean())
        )


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """The runner of a training with a moving average, and its checkpoint."""
    folder = tmp_path_factory.mktemp('export')
    cfg = config(folder, 2, hooks=OURS)
    cfg['model'] = dict(type='ExportNet', backbone=dict(type='CoverageBackbone', channels=4))
    return train(cfg)[0], folder / 'epoch_2.pth'


@pytest.mark.parametrize('suffix', ['.safetensors', '.pth'])
def test_round_trip(trained, suffix, tmp_path):
    runner, checkpoint = trained
    path = export_backbone(checkpoint, tmp_path / 'out', suffix, 'mine')
    assert path.name == f'mine-{file_sha256(path)[:8]}{suffix}'
    assert path == export_backbone(checkpoint, tmp_path / 'out', suffix, 'mine')
    assert list(path.parent.iterdir()) == [path]
    ema = next(
        hook for hook in runner.hooks if hasattr(hook, 'ema_model')
    ).ema_model.module.backbone
    backbone = load_backbone(path)
    assert isinstance(backbone, CoverageBackbone) and not backbone.training
    saved = read_checkpoint(path)['state_dict']
    assert set(saved) == set(runner.model.backbone.state_dict())  # bare names, nothing else
    for name, value in ema.state_dict().items():  # what was evaluated, not the last step
        assert torch.equal(saved[name], value) and torch.equal(backbone.state_dict()[name], value)
    trained_last = runner.model.backbone.state_dict()
    assert not torch.equal(trained_last['layers.0.weight'], saved['layers.0.weight'])


def test_meta_says_how_points_must_look(trained, tmp_path):
    path = export_backbone(trained[1], tmp_path)
    meta = read_meta(path)
    assert meta['backbone'] == dict(type='CoverageBackbone', channels=4)
    assert meta['geometry'] == read_meta(trained[1])['geometry'] != {}
    assert meta['geometry']['up_axis'] == 'z' and meta['mrd_plugin_version'] == __version__
    assert meta['source'] == 'epoch_2.pth'
    assert load_encoder(path).head is None
    assert re.fullmatch(r'.+_backbone-[0-9a-f]{8}\.safetensors', path.name)


def test_downstream_runs_take_it(trained, tmp_path):
    path = export_backbone(trained[1], tmp_path)
    expected = read_checkpoint(path)['state_dict']
    for number, way in enumerate(
        [dict(hook=dict(checkpoint=str(path))), dict(init_cfg=pretrained(str(path), None))]
    ):
        state = run(tmp_path / str(number), **way).backbone.state_dict()
        assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_the_name_is_that_of_the_config(trained, tmp_path):
    content = read_checkpoint(trained[1])
    content.pop('message_hub')
    content['meta'].update(config_name='cmcr/minkunet18_zod-sample.py')
    torch.save(content, tmp_path / 'a.pth')
    path = export_backbone(tmp_path / 'a.pth', tmp_path)
    assert path.name.startswith('cmcr_minkunet18_zod-sample_backbone-')
    assert read_meta(path)['config_name'] == 'cmcr/minkunet18_zod-sample.py'
    del content['meta']['config_name']
    content['meta']['experiment_name'] = 'second_kitti_20260102_030405'
    torch.save(content, tmp_path / 'a.pth')
    path = export_backbone(tmp_path / 'a.pth', tmp_path)
    assert path.name.startswith('second_kitti_backbone-')


def test_refusals_are_one_sentence(trained, tmp_path):
    head = {'head.weight': torch.ones(1)}
    state = {'backbone.weight': torch.ones(1)}
    for content, said in (
        (dict(state_dict=head), r"a.pth: holds no backbone \(no tensor below 'backbone.'"),
        (dict(state_dict=state), 'a.pth: its meta lacks geometry and cfg'),
        (dict(state_dict=state, meta=dict(geometry=dict(a=1))), 'its meta lacks cfg, so'),
        (dict(state_dict=state, meta=dict(cfg='model = (')), 'a.pth: its meta holds no config'),
    ):
        torch.save(content, tmp_path / 'a.pth')
        with pytest.raises(CheckpointError, match=said) as caught:
            export_backbone(tmp_path / 'a.pth', tmp_path / 'out')
        assert '\n' not in str(caught.value)
    with pytest.raises(ConfigError, match='expected one of .safetensors, .pth'):
        export_backbone(trained[1], tmp_path / 'out', '.bin')
    assert not (tmp_path / 'out').exists()


def test_checkpoints_know_their_config_and_resume(tmp_path):
    from mmengine.config import Config

    Config(config(tmp_path / 'run', 1)).dump(tmp_path / 'toy_config.py')
    cfg = Config.fromfile(tmp_path / 'toy_config.py')
    Runner.from_cfg(cfg).train()
    saved = tmp_path / 'run' / 'epoch_1.pth'
    assert read_meta(saved)['config_name'] == f'{tmp_path.name}/toy_config.py'
    cfg.update(resume=True, load_from=str(saved), experiment_name=f'{tmp_path.name}_again')
    cfg.train_cfg.max_epochs = 2
    resumed = Runner.from_cfg(cfg)
    resumed.train()
    assert resumed.iter == 6


def test_a_name_with_folders_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='--name a/b: expected the beginning of a file name'):
        export_backbone(tmp_path / 'a.pth', tmp_path, name='a/b')
