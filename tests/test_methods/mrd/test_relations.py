"""The relations themselves: formulas on whole matrices, rows in blocks, analytic values."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mrd_plugin.methods.contrast.info_nce import column_log_sum_exp, duplicate_groups
from mrd_plugin.methods.contrast.triplets import SampleOrder
from mrd_plugin.methods.mrd import formulas
from mrd_plugin.methods.mrd.relations import NormalisedRelation, RawRelation


def features(n=9, dim=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, dim, generator=generator, dtype=torch.float64), dim=1)


def test_psi_rows_sum_to_one_without_their_own_sample():
    x = features()
    relation = formulas.psi(x @ x.T, 0.1).exp()
    torch.testing.assert_close(relation.sum(1), torch.ones(9, dtype=torch.float64))
    assert not relation.diagonal().any()
    order = torch.randperm(9, generator=torch.Generator().manual_seed(2))
    permuted = formulas.psi(x[order] @ x[order].T, 0.1).exp()
    torch.testing.assert_close(permuted, relation[order][:, order])


def test_jeffrey_of_two_point_distributions():
    p, q = 0.9, 0.3
    log_p, log_q = (torch.tensor([[math.log(a), math.log(1 - a)]]) for a in (p, q))
    wanted = (p - q) * (math.log(p / q) - math.log((1 - p) / (1 - q)))
    assert math.isclose(formulas.jeffrey(log_p, log_q).mean().item(), wanted, rel_tol=1e-6)
    assert math.isclose(formulas.jeffrey(log_q, log_p).mean().item(), wanted, rel_tol=1e-6)
    assert not formulas.jeffrey(log_p, log_p).any()


def compare(relation, student, teacher, diagonal=None):
    return relation.compare(student, relation.teacher((teacher,), None, diagonal), diagonal, True)


def test_rows_of_two_points_have_the_analytic_value():
    """Logits log(p), log(1 - p) at temperature 1 are the distribution p, 1 - p."""
    p, q = 0.8, 0.25
    teacher, student = (
        torch.tensor([[math.log(a), math.log(1 - a)]], dtype=torch.float64) for a in (p, q)
    )
    forward = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    reverse = q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))
    result = compare(NormalisedRelation(1.0, 1.0, 1.0, 1.0), student, teacher)
    assert math.isclose(result.value.item(), forward + reverse, rel_tol=1e-12)
    result = compare(NormalisedRelation(1.0, 0.0, 1.0, 1.0), student, teacher)
    assert math.isclose(result.value.item(), forward, rel_tol=1e-12)
    entropy = -q * math.log(q) - (1 - q) * math.log(1 - q)
    assert math.isclose(result.entropy.item(), entropy, rel_tol=1e-12)


@pytest.mark.parametrize('diagonal', [None, 0])
@pytest.mark.parametrize(
    'relation', [NormalisedRelation(1.0, 1.0, 0.1, 0.1), RawRelation(False), RawRelation(True)]
)
def test_distance_is_symmetric_and_zero_on_itself(relation, diagonal):
    x, y = features(), features(seed=1)
    a, b = x @ x.T, y @ y.T
    there, back = compare(relation, a, b, diagonal), compare(relation, b, a, diagonal)
    torch.testing.assert_close(there.value, back.value)
    assert (there.value > 0).all()
    same = compare(relation, a, a, diagonal)
    assert not same.value.any() and same.grad.abs().max() < 1e-15
    if diagonal is not None:
        assert not there.grad.diagonal().any()


def test_smooth_l1_beyond_one_is_linear():
    result = compare(RawRelation(False), torch.tensor([[1.0, 0.0]]), torch.tensor([[-0.8, 0.5]]))
    torch.testing.assert_close(result.value.item(), (1.3 + 0.125) / 2)
    torch.testing.assert_close(result.grad, torch.tensor([[0.5, -0.25]]))


def test_mixed_teacher_that_underflows_stays_finite():
    relation = NormalisedRelation(1.0, 1.0, 0.001, 0.001)
    sims = torch.tensor([[1.0, -1.0, 0.0]])
    target = relation.teacher((sims, sims), torch.tensor([0.5]), None)
    result = relation.compare(-sims, target, None, True)
    assert all(torch.isfinite(part).all() for part in result)


def test_inputs_are_left_alone():
    x, y = features(), features(seed=1)
    a, b = x @ x.T, y @ y.T
    before = a.clone(), b.clone()
    for relation in (NormalisedRelation(1.0, 1.0, 0.1, 0.1), RawRelation(False)):
        compare(relation, a, b, 0)
    assert torch.equal(a, before[0]) and torch.equal(b, before[1])


def test_column_log_sum_exp_with_columns_left_out():
    logits = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    logits[:3, 1] = -torch.inf
    torch.testing.assert_close(column_log_sum_exp(logits.split(3)), torch.logsumexp(logits, 0))


def test_duplicate_groups():
    rows = torch.tensor([[1.0, 2.0], [0.0, 1.0], [1.0, 2.0]])
    groups = duplicate_groups(rows)
    assert groups[0] == groups[2] != groups[1]


def test_sample_order():
    has_image = torch.tensor([True, False, True, False, True])
    has_text = torch.tensor([True, True, False, False, True])
    order = SampleOrder.from_masks(has_image, has_text)
    assert order.source.tolist() == [2, 0, 4, 1]
    assert [order.span(name) for name in ('image', 'both', 'text', 'all')] == [
        (0, 3),
        (1, 3),
        (1, 4),
        (0, 4),
    ]
    blocks = [tuple(block) for block in order.blocks(1)]
    assert blocks == [
        (0, 1, True, False),
        (1, 2, True, True),
        (2, 3, True, True),
        (3, 4, False, True),
    ]
    everything = torch.ones(3, dtype=torch.bool)
    assert SampleOrder.from_masks(everything, everything).source is None
