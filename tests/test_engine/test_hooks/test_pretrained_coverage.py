import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import nn

from mrd_plugin.engine import PretrainedCoverageHook, backbone_weights
from mrd_plugin.utils.errors import CheckpointError, ConfigError
from tests.test_engine.toy import ToyModel, config, train


def runner(iteration=0, up_axis='z'):
    model = nn.Module()
    model.backbone = nn.Linear(2, 3)
    dataset = dict(
        type='FurnitureDataset', up_axis=up_axis, pipeline=[dict(type='PackShapeInputs')]
    )
    cfg = Config(dict(train_dataloader=dict(dataset=dataset)))
    return SimpleNamespace(model=model, iter=iteration, cfg=cfg)


@pytest.fixture
def weights():
    return {'weight': torch.full((3, 2), 2.0), 'bias': torch.full((3,), 3.0)}


@pytest.mark.parametrize('bare', [False, True])
def test_loads_a_backbone_from_either_form(bare, weights, tmp_path):
    state = weights if bare else {f'backbone.{k}': v for k, v in weights.items()}
    if not bare:
        state['head.proj.weight'] = torch.zeros(1)
    torch.save(dict(state_dict=state, meta={}), tmp_path / 'a.pth')
    run = runner()
    PretrainedCoverageHook(str(tmp_path / 'a.pth')).before_train(run)
    assert (run.model.backbone.weight == 2).all() and (run.model.backbone.bias == 3).all()
    assert backbone_weights(state).keys() == weights.keys()


def test_a_resumed_run_and_scratch_load_nothing(weights, tmp_path):
    torch.save(dict(state_dict=weights), tmp_path / 'a.pth')
    for hook, run in (
        (PretrainedCoverageHook(str(tmp_path / 'a.pth')), runner(iteration=7)),
        (PretrainedCoverageHook(), runner()),
    ):
        before = run.model.backbone.weight.clone()
        hook.before_train(run)
        assert torch.equal(run.model.backbone.weight, before)


def test_what_does_not_fit_is_refused(weights, tmp_path):
    path = tmp_path / 'a.pth'
    with pytest.raises(ConfigError, match=r"checkpoint='.*a.pth': there is no such file"):
        PretrainedCoverageHook(str(path)).before_train(runner())
    torch.save(dict(state_dict=weights, meta=dict(geometry=dict(up_axis='z'))), path)
    with pytest.raises(ConfigError, match="up_axis='z', but"):
        PretrainedCoverageHook(str(path)).before_train(runner(up_axis='y'))
    torch.save(dict(state_dict={'backbone.weight': weights['weight']}), path)
    run = runner()
    run.cfg.load_from = 'other.pth'
    with pytest.raises(ConfigError, match="load_from='other.pth' and .* would both set"):
        PretrainedCoverageHook(str(path)).before_train(run)
    run.cfg.load_from = None
    before = run.model.backbone.weight.clone()
    with pytest.raises(CheckpointError, match='Only 50.0% of the tensors'):
        PretrainedCoverageHook(str(path)).before_train(run)
    assert torch.equal(run.model.backbone.weight, before)


@MODELS.register_module(force=True)
class CoverageNet(ToyModel):
    """The toy model with a part that is pre-trained and one that is new."""

    def __init__(self, backbone, width=1):
        super().__init__()
        self.backbone = MODELS.build(backbone)
        self.head = nn.Linear(8, width)


@MODELS.register_module(force=True)
class CoverageBackbone(BaseModule):
    def __init__(self, channels=4, init_cfg=None):
        super().__init__(init_cfg)
        self.layers = nn.ModuleList(nn.Linear(channels, channels) for _ in range(4))


@MODELS.register_module(force=True)
class CoverageDeaf(CoverageBackbone):
    """Takes ``init_cfg`` and initialises itself otherwise."""

    def init_weights(self):
        for layer in self.layers:
            nn.init.zeros_(layer.weight)


@MODELS.register_module(force=True)
class CoverageIgnorant(nn.Module):
    """Takes ``init_cfg`` and does nothing with it."""

    def __init__(self, init_cfg=None):
        super().__init__()


def save(path, prefix='backbone.', channels=4, **more):
    """A checkpoint whose backbone is all sevens."""
    state = CoverageBackbone(channels).state_dict()
    state = {f'{prefix}{name}': torch.full_like(value, 7.0) for name, value in state.items()}
    torch.save(dict(state_dict={**state, **more}, meta={}), path)
    return str(path)


def run(folder, hook=(), model=(), kind='CoverageBackbone', init_cfg=None, **top):
    """Train one epoch with the learning rate 0; the model."""
    cfg = config(folder, 1, checkpoint=dict(type='CheckpointHook', interval=10))
    backbone = dict(type=kind, **(dict(init_cfg=init_cfg) if init_cfg else {}))
    cfg['model'] = dict(type='CoverageNet', backbone=backbone, **dict(model))
    cfg['default_hooks']['pretrained'] = dict(type='PretrainedCoverageHook', **dict(hook))
    cfg['optim_wrapper'] = dict(optimizer=dict(type='SGD', lr=0.0))
    cfg['log_level'] = 'INFO'
    cfg.update(top)
    return train(cfg)[0].model


def pretrained(path, prefix='backbone.'):
    return dict(type='Pretrained', checkpoint=path, prefix=prefix)


def all_sevens(model):
    return all((value == 7).all() for value in model.backbone.state_dict().values())


def test_what_the_config_loads_is_found_and_proven(tmp_path, capsys):
    path = save(tmp_path / 'a.pth')
    table = r'backbone +8 +0 +0 +0 +100.0%'
    for number, way in enumerate(
        [dict(init_cfg=pretrained(path)), dict(load_from=path), dict(hook=dict(checkpoint=path))]
    ):
        assert all_sevens(run(tmp_path / str(number), **way))
        assert re.search(table, capsys.readouterr().out)
    assert not all_sevens(run(tmp_path / 'scratch'))
    assert 'training from scratch' in capsys.readouterr().out


def test_a_module_that_ignores_init_cfg_stops_the_run(tmp_path):
    init = pretrained(save(tmp_path / 'a.pth'))
    with pytest.raises(CheckpointError, match='8 of 8 tensors .* not in it after .* CoverageDeaf'):
        run(tmp_path / 'deaf', kind='CoverageDeaf', init_cfg=init)
    with pytest.raises(ConfigError, match='model.backbone.init_cfg=.* is ignored by the class'):
        run(tmp_path / 'ignorant', kind='CoverageIgnorant', init_cfg=init)


def test_any_part_of_the_model_may_be_named(tmp_path):
    layer = {
        f'neck.{name}': torch.full(size, 7.0) for name, size in (('weight', (4, 4)), ('bias', (4,)))
    }
    path = save(tmp_path / 'a.pth', 'encoder.', **layer)
    keys = dict(checkpoint=path, module='backbone.layers.1', prefix='neck')
    backbone = run(tmp_path / 'part', hook=keys).backbone
    sevens = [bool((layer.weight == 7).all()) for layer in backbone.layers]
    assert sevens == [False, True, False, False]
    with pytest.raises(
        ConfigError, match="module='middle_encoder': CoverageNet has no such part.*bac"
    ):
        run(tmp_path / 'none', hook=dict(keys, module='middle_encoder'))


def test_coverage_decides(tmp_path):
    path = save(tmp_path / 'a.pth')
    content = torch.load(path)
    del content['state_dict']['backbone.layers.3.bias']
    torch.save(content, path)
    for way in (
        dict(init_cfg=pretrained(path)),
        dict(load_from=path),
        dict(hook=dict(checkpoint=path)),
    ):
        with pytest.raises(
            CheckpointError, match=r"a.pth': Only 87.5% of .*1 missing: .*layers.3.bias"
        ) as e:
            run(tmp_path / 'strict', **way)
        assert '\n' not in str(e.value)
        hook = dict(way.pop('hook', {}), min_coverage=0.87)
        assert (run(tmp_path / 'lenient', hook=hook, **way).backbone.layers[0].weight == 7).all()
    for wrong in (0, 1.1):
        with pytest.raises(ConfigError, match='min_coverage=.*above 0 and at most 1'):
            PretrainedCoverageHook(min_coverage=wrong)


def test_load_from_counts_the_modules_it_speaks_of_and_the_one_that_is_asked_for(tmp_path):
    other = {'head.weight': torch.zeros(3, 8), 'head.bias': torch.zeros(3)}
    path = save(tmp_path / 'a.pth', 'other.', **other)
    with pytest.raises(CheckpointError, match='Only 0.0% .*without the prefix .other'):
        run(tmp_path / 'a', load_from=path)
    path = save(tmp_path / 'b.pth', **other)  # a head for another number of classes
    with pytest.raises(CheckpointError, match='Only 80.0% .*2 mismatched'):
        run(tmp_path / 'b', load_from=path)
    assert all_sevens(run(tmp_path / 'c', hook=dict(min_coverage=0.8), load_from=path))
    path = save(tmp_path / 'bare.pth', '')
    with pytest.raises(CheckpointError, match='8 would match with the prefix .backbone.. before'):
        run(tmp_path / 'bare', load_from=path)
    same = {name: torch.zeros(1, *value.shape[1:]) for name, value in other.items()}
    torch.save(dict(state_dict=same), tmp_path / 'd.pth')
    with pytest.raises(CheckpointError, match='Only 20.0% .*8 missing: backbone'):
        run(tmp_path / 'd', load_from=str(tmp_path / 'd.pth'))


def test_a_later_source_may_overwrite_an_earlier_one(tmp_path):
    eights = torch.load(save(tmp_path / 'b.pth'))
    eights['state_dict'] = {name: value + 1 for name, value in eights['state_dict'].items()}
    torch.save(eights, tmp_path / 'b.pth')
    init = pretrained(save(tmp_path / 'a.pth'))
    model = run(tmp_path, init_cfg=init, load_from=str(tmp_path / 'b.pth'))
    assert (model.backbone.layers[0].weight == 8).all()
    with pytest.raises(ConfigError, match='model.backbone.init_cfg.*both set model.backbone'):
        run(tmp_path, init_cfg=init, hook=dict(checkpoint=init['checkpoint']))


def test_a_test_reads_no_checkpoint(tmp_path):
    cfg = config(tmp_path, 1)
    cfg.update(
        test_dataloader=cfg['val_dataloader'],
        test_cfg=dict(),
        test_evaluator=dict(type='ToyMetric'),
    )
    cfg['default_hooks']['pretrained'] = dict(type='PretrainedCoverageHook', checkpoint='none.pth')
    assert 'acc' in Runner.from_cfg(cfg).test()
