"""PPKT, SLidR, ST-SLidR and ScaLR, and what all pre-trainers of the LiDAR family share."""

import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper

from mrd_plugin.evaluation import PairTerms
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.lidar_toys import HEADS, METHODS, build, make_batch, make_data


def both_sides(model, batch):
    """Unit features of every point, and the enlarged unit maps, the long way."""
    voxels = F.normalize(model.point_head(model.backbone(batch.voxel_features, None, 2)), dim=1)
    maps = model.image_head(model.teacher(batch.images))
    size = batch.images.shape[2:]
    pixels = F.interpolate(maps, size, mode='bilinear', align_corners=True)
    return voxels[batch.point2voxel], F.normalize(pixels, dim=1)


def test_pairs_are_drawn_without_replacement():
    model, batch = build('PPKT', num_pairs=16), make_batch()
    rows = torch.arange(50)
    drawn = model.train().draw_pairs(rows)
    assert len(drawn) == 16 == len(set(drawn.tolist()))
    assert not torch.equal(drawn.sort()[0], model.draw_pairs(rows).sort()[0])
    assert model.loss(batch)['chance_contrast'].item() == pytest.approx(math.log(16))
    model.eval()
    assert torch.equal(model.draw_pairs(rows), model.draw_pairs(rows))


@pytest.mark.parametrize('name', sorted(METHODS))
def test_every_method_learns_and_every_weight_gets_a_gradient(name):
    model = build(name)
    optimizer = OptimWrapper(torch.optim.Adam(model.parameters(), lr=0.02))
    data = make_data()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    sum(v for k, v in model.loss(make_batch()).items() if 'loss' in k).backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    logs = [model.train_step(data, optimizer) for _ in range(20)]
    assert logs[-1]['loss'] < logs[0]['loss'] - 0.1
    total = sum(value for key, value in logs[0].items() if key.startswith('loss_'))
    torch.testing.assert_close(logs[0]['loss'], total)
    assert all(torch.as_tensor(value).isfinite().all() for value in logs[-1].values())
    moved = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == set(before)
    assert not any(key.startswith('teacher') for key in before)


@pytest.mark.parametrize('name', sorted(METHODS))
def test_teacher_stays_frozen_and_in_eval(name):
    model = build(name).train()
    net = model.teacher.network('net')
    before = {k: v.clone() for k, v in net.state_dict().items()}
    sum(v for k, v in model.loss(make_batch()).items() if 'loss' in k).backward()
    assert not model.teacher.training and not any(m.training for m in net.modules())
    assert all(p.grad is None and not p.requires_grad for p in net.parameters())
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


@pytest.mark.parametrize('name', sorted(METHODS))
def test_three_modes_and_validation(name):
    model = build(name)
    data = make_data()
    batch = model.data_preprocessor(make_data())
    assert model(batch['inputs']).shape == (120, 6)
    points, maps = model.shared_space(batch['inputs'])
    torch.testing.assert_close(points.norm(dim=1), torch.ones(120))
    assert maps.shape == (4, points.shape[1], 4, 6)
    with pytest.raises(ValueError, match="mode must be 'loss'"):
        model(batch['inputs'], mode='train')
    model.eval()
    state = {k: v.clone() for k, v in model.state_dict().items()}
    samples = model.val_step(data)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    metric = PairTerms()
    metric.process(None, [sample.to_dict() for sample in samples])
    result = metric.evaluate(2)
    expected = model.loss(batch['inputs'])
    assert result['pairs/n'] == 2
    for key, value in expected.items():
        assert result[f'pairs/{key}'] == pytest.approx(value.item(), rel=1e-5)


@pytest.mark.parametrize('name', sorted(METHODS))
@pytest.mark.parametrize('lack', ['pairs', 'superpixels'])
def test_a_sweep_without_pairs_costs_nothing_and_breaks_nothing(name, lack):
    model = build(name)
    batch = make_batch(0, 0)
    if lack == 'superpixels':
        batch = batch._replace(superpixels=torch.full_like(batch.superpixels, -1))
    terms = model.train().loss(batch)
    sum(v for k, v in terms.items() if 'loss' in k).backward()
    assert all(value.isfinite() for value in terms.values())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    for key in ('loss_contrast', 'loss_distance'):
        assert terms.get(key, 0) == 0


@pytest.mark.parametrize('name', sorted(METHODS))
def test_losses_stay_near_float32_under_autocast(name):
    exact = build(name).eval().loss(make_batch())
    model = build(name).eval()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        near = model.loss(make_batch())
    for key, value in exact.items():
        if 'loss' in key:
            assert near[key].dtype == torch.float32
            torch.testing.assert_close(near[key], value, rtol=0.03, atol=0.01)
    sum(v for k, v in near.items() if 'loss' in k).backward()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in model.point_head.parameters())


def test_a_mean_over_more_rows_than_float16_can_count():
    total = torch.tensor(32_768.0, dtype=torch.float16)
    assert build('ScaLR').joined_mean(total, 65_536) == 0.5


def test_pairs_of_a_validation_batch_do_not_depend_on_the_ranks(monkeypatch):
    monkeypatch.setattr('mmengine.dist.get_world_size', lambda: 4)
    model, rows = build('PPKT', num_pairs=16), torch.arange(50)
    assert len(model.train().draw_pairs(rows)) == 4
    assert len(model.eval().draw_pairs(rows)) == 16


def test_widths_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match='point_head.out_channels is 4, but the image side has 5'):
        build('ScaLR', **{'point_head': HEADS['point_head']})
    with pytest.raises(ConfigError, match='gives 1 numbers per voxel, but .*in_channels is 4'):
        build('PPKT', data_preprocessor=dict(type='PairDataPreprocessor'))
