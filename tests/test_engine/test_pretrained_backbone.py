from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mrd_plugin.engine import PretrainedBackboneHook, backbone_weights
from mrd_plugin.utils.errors import CheckpointError, ConfigError


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
    PretrainedBackboneHook(str(tmp_path / 'a.pth')).before_train(run)
    assert (run.model.backbone.weight == 2).all() and (run.model.backbone.bias == 3).all()
    assert backbone_weights(state).keys() == weights.keys()


def test_a_resumed_run_and_scratch_load_nothing(weights, tmp_path):
    torch.save(dict(state_dict=weights), tmp_path / 'a.pth')
    for hook, run in (
        (PretrainedBackboneHook(str(tmp_path / 'a.pth')), runner(iteration=7)),
        (PretrainedBackboneHook(), runner()),
    ):
        before = run.model.backbone.weight.clone()
        hook.before_train(run)
        assert torch.equal(run.model.backbone.weight, before)


def test_what_does_not_fit_is_refused(weights, tmp_path):
    path = tmp_path / 'a.pth'
    with pytest.raises(ConfigError, match=r"checkpoint='.*a.pth': there is no such file"):
        PretrainedBackboneHook(str(path)).before_train(runner())
    torch.save(dict(state_dict=weights, meta=dict(geometry=dict(up_axis='z'))), path)
    with pytest.raises(ConfigError, match="up_axis='z', but"):
        PretrainedBackboneHook(str(path)).before_train(runner(up_axis='y'))
    torch.save(dict(state_dict={'backbone.weight': weights['weight']}), path)
    run = runner()
    run.cfg.load_from = 'other.pth'
    with pytest.raises(ConfigError, match="load_from='other.pth' and .* would both set"):
        PretrainedBackboneHook(str(path)).before_train(run)
    run.cfg.load_from = None
    before = run.model.backbone.weight.clone()
    with pytest.raises(CheckpointError, match='Only 50.0% of the tensors'):
        PretrainedBackboneHook(str(path)).before_train(run)
    assert torch.equal(run.model.backbone.weight, before)
