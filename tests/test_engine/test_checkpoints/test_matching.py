import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

import mrd_plugin  # noqa: F401
from mrd_plugin.engine import load_weights
from mrd_plugin.utils.errors import CheckpointError


def module():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_loads_all_and_reports():
    source, target = module(), module()
    report = load_weights(target, source.state_dict())
    assert report.coverage == 1 and not (report.missing or report.unexpected or report.mismatched)
    assert torch.equal(target[2].weight, source[2].weight)


def test_reports_each_kind_and_loads_the_rest():
    target, state = module(), module().state_dict()
    state['head.weight'] = torch.zeros(1)
    state['2.weight'] = torch.zeros(5, 4)
    del state['2.bias']
    report = load_weights(target, state, min_coverage=0.7)
    assert report.missing == ('2.bias',) and report.unexpected == ('head.weight',)
    assert report.mismatched == ('2.weight: (2, 4), (5, 4)',)
    assert report.coverage == pytest.approx(7 / 9)
    assert torch.equal(target[0].weight, state['0.weight'])
    for part in ('77.8%', '1 missing: 2.bias', '1 unexpected', '1 mismatched'):
        assert part in str(report)


def test_low_coverage_loads_nothing_and_advises():
    target = module()
    before = target[0].weight.clone()
    state = {f'module.backbone.{name}': value for name, value in module().state_dict().items()}
    state['0.weight'] = torch.ones(4, 3)
    with pytest.raises(CheckpointError, match="Only 11.1%.*90.0%.*the prefix 'module.backbone.'"):
        load_weights(target, state)
    assert torch.equal(target[0].weight, before)


def test_sparse_kernels_of_mmdet3d_are_not_transposed():
    """mmdet3d permutes kernels of state dicts without versions: it takes them for spconv 1's."""
    sizes = dict(encoder_channels=(4, 4, 8, 8), decoder_channels=(8, 8, 4, 4), base_channels=4)
    config = dict(type='MinkUNetStudent', in_channels=2, depth=18, **sizes)
    source, target = MODELS.build(config), MODELS.build(config)
    weights = {name: value.clone() for name, value in source.state_dict().items()}  # a plain dict
    assert load_weights(target, weights).coverage == 1
    for name, value in target.state_dict().items():
        assert torch.equal(value, weights[name]), name
