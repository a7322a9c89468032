"""What the dynamic weights do when they are trained."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.methods.mrd.mrd import MRDLoss
from mrd_plugin.methods.mrd.teacher_weights import AgreementWeights, TeacherMix
from mrd_plugin.methods.mrd.weighting import (
    FixedWeights,
    LossLevelSoftmax,
    RelationWeights,
    UncertaintyWeights,
)
from mrd_plugin.utils.errors import ConfigError

from . import reference

NAMES = ('intra', 'cross')


def train(weights, losses, steps=150, lr=0.2):
    """Minimise the weighted sum of losses that the weights can't change; ``losses(step)``."""
    optimizer = torch.optim.SGD(weights.parameters(), lr)
    for step in range(steps):
        values = torch.as_tensor(losses(step))
        factors, penalties = weights()
        optimizer.zero_grad()
        (factors @ values + penalties.sum()).backward()
        optimizer.step()
        weights.observe(values)
    return weights.eval()


def test_fixed_weights_share_the_total():
    assert FixedWeights(NAMES, 2.0)()[0].tolist() == [1.0, 1.0]
    assert FixedWeights(NAMES, 2.0, values=[1.5, 0.25])()[0].tolist() == [1.5, 0.25]
    assert FixedWeights(NAMES, 1.0).state()['cross'] == 0.5
    with pytest.raises(ConfigError, match='2 values are needed'):
        FixedWeights(NAMES, 2.0, values=[1.0])


def test_plain_softmax_runs_to_its_bound_on_the_smaller_loss():
    """The failure that a prototype saw, pinned: the larger term keeps the floor."""
    weights = LossLevelSoftmax(NAMES, 2.0, common_scale=False)
    train(weights, lambda step: [2.1, 0.7], steps=100, lr=1.0)
    intra, cross = weights()[0].tolist()
    assert 0.1 < intra < 0.15 and abs(intra + cross - 2) < 1e-5


def test_common_scale_leaves_weights_of_steady_losses_alone():
    weights = train(LossLevelSoftmax(NAMES, 2.0), lambda step: [2.1, 0.7])
    state = weights.state()
    assert abs(state['intra'] - 1) < 1e-2 and abs(state['cross'] - 1) < 1e-2
    torch.testing.assert_close(state['intra_mean'], torch.tensor(2.1))
    factors = weights()[0]
    torch.testing.assert_close(factors[0] * 2.1, factors[1] * 0.7, rtol=0.03, atol=0)
    torch.testing.assert_close(
        factors @ torch.tensor([2.1, 0.7]), torch.tensor(2.8), rtol=0.03, atol=0
    )


def test_common_scale_moves_to_the_term_that_falls():
    weights = train(LossLevelSoftmax(NAMES, 2.0), lambda step: [2.1 * 0.98**step, 0.7])
    assert weights.state()['intra'] > 1.2


def test_running_means_travel_and_skip_missing_terms():
    weights = LossLevelSoftmax(NAMES, 2.0)
    assert weights()[0].tolist() == [1.0, 1.0]
    weights.observe(torch.tensor([3.0, 0.0]))
    assert weights.mean.tolist() == [3.0, 0.0]
    assert weights()[0].tolist() == [1.0, 1.0]
    weights.observe(torch.tensor([0.0, 1.0]))
    copy = LossLevelSoftmax(NAMES, 2.0)
    copy.load_state_dict(weights.state_dict())
    assert copy.mean.tolist() == [3.0, 1.0]
    with pytest.raises(ConfigError, match='floor=1.5'):
        LossLevelSoftmax(NAMES, 2.0, floor=1.5)


def test_uncertainty_weights_come_to_rest_at_one_over_the_loss():
    weights = train(UncertaintyWeights(NAMES, 2.0), lambda step: [2.0, 0.5])
    torch.testing.assert_close(weights()[0], torch.tensor([0.5, 2.0]), rtol=1e-3, atol=0)


def test_uncertainty_weights_are_bounded_and_come_back():
    weights = train(UncertaintyWeights(NAMES, 1.0, max_weight=5.0), lambda step: [0.001, 0.5])
    weights.train()
    assert weights()[0][0] <= 5.0 + 1e-5
    train(weights, lambda step: [1.0, 0.5], lr=0.1)
    assert weights()[0][0] < 2


@pytest.mark.parametrize('within', ['UncertaintyWeights', 'FixedWeights'])
def test_uncertainty_weights_across_kinds_rest_where_every_variance_pulls_alike(within):
    weights = RelationWeights(
        dict(intra=1.0, cross=1.0), dict(type=within), dict(type='UncertaintyWeights')
    )
    values = torch.tensor([4.0, 0.5, 1.0, 1.0])
    optimizer = torch.optim.SGD(weights.parameters(), 0.1)
    for _ in range(400):
        factors, penalties = weights(values)
        optimizer.zero_grad()
        (factors @ values + penalties.sum()).backward()
        optimizer.step()
    pulls = (weights(values)[0] * values).detach()
    if within == 'UncertaintyWeights':  # one variance per slot
        torch.testing.assert_close(pulls, torch.ones(4), rtol=1e-3, atol=0)
    else:  # one variance a kind
        torch.testing.assert_close(pulls.view(2, 2).sum(1), torch.ones(2), rtol=1e-3, atol=0)


def test_teacher_mix_drifts_to_the_teacher_that_the_student_matches():
    points, image, text, *masks = reference.batch(n=20, dim=8, dtype=torch.float32)
    module = MRDLoss(within=dict(type='TeacherMix', start=0.5), across=dict(type='FixedWeights'))
    mix = module.weights.mixes['intra']
    optimizer = torch.optim.SGD(mix.parameters(), 1.0)
    for _ in range(30):
        optimizer.zero_grad()
        scale = torch.tensor(1.0)
        module(Triplets(image.clone(), image, text, *masks), scale, scale)['loss'].backward()
        optimizer.step()
    assert mix.state()['alpha'] > 0.7
    with pytest.raises(ConfigError, match='start=1'):
        TeacherMix(start=1)


def test_teacher_mix_gate_starts_as_the_scalar():
    rows = F.normalize(torch.randn(5, 4), dim=1)
    alpha = TeacherMix(start=0.3, gate_dim=4)(rows, rows)
    torch.testing.assert_close(alpha, torch.full((5,), 0.3))


def test_agreement_weights_prefer_rows_on_which_the_teachers_agree():
    generator = torch.Generator().manual_seed(0)
    image = F.normalize(torch.randn(40, 16, generator=generator), dim=1)
    text = image.clone()
    text[:10] = F.normalize(torch.randn(10, 16, generator=generator), dim=1)
    module = AgreementWeights(tau=0.2)
    weights = module(image, text, 7)
    assert weights[:10].mean() < 0.5 * weights[10:].mean()
    torch.testing.assert_close(weights.mean(), torch.tensor(1.0))
    torch.testing.assert_close(module(image, text, 100), weights)
    assert 0 < module.state()['effective_rows'] < 1
    flat = AgreementWeights(sharpness=0.0)(image, text, 100)
    torch.testing.assert_close(flat, torch.ones(40))
    torch.testing.assert_close(module(image, image, 100), torch.ones(40))


def test_default_is_teacher_mix_inside_and_softmax_across():
    module = MRDLoss()
    assert sorted(name for name, _ in module.named_parameters()) == [
        'weights.across.scores',
        'weights.within.cross.logit',
        'weights.within.intra.logit',
    ]
    assert set(module.weights.state()) == {
        'weight_intra',
        'weight_cross',
        'weight_intra_mean',
        'weight_cross_mean',
        'weight_intra_alpha',
        'weight_cross_alpha',
    }


def test_weights_multiply_across_and_within():
    weights = RelationWeights(
        {'intra': 0.5, 'cross': 2.0},
        dict(type='FixedWeights', values=[0.25, 0.75]),
        dict(type='FixedWeights', values=[4.0, 1.0]),
    )
    assert weights.slots == ('intra_image', 'intra_text', 'cross_image', 'cross_text')
    factors, extra = weights(torch.zeros(()))
    assert factors.tolist() == [0.5, 1.5, 0.5, 1.5]
    assert not extra.any()


def test_evaluation_does_not_move_the_running_means():
    inputs = reference.batch(dtype=torch.float32)
    scales = reference.scales(torch.float32)
    module = MRDLoss().eval()
    module(Triplets(*inputs), *scales)
    assert not module.weights.across.mean.any()
    module.train()
    log = module(Triplets(*inputs), *scales)
    torch.testing.assert_close(
        module.weights.across.mean, torch.stack([log['intra'], log['cross']])
    )


def test_uncertainty_of_a_missing_term_stays_where_it_is():
    inputs = reference.batch(without_text=range(11), dtype=torch.float32)
    scales = reference.scales(torch.float32)
    module = MRDLoss(w_cross=0, within=dict(type='UncertaintyWeights'))
    module(Triplets(*inputs), *scales)['loss'].backward()
    image, text = module.weights.inner['intra'].log_variance.grad.tolist()
    assert image != 0 and text == 0
