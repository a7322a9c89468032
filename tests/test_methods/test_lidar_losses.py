"""Losses of the LiDAR family: the plain loops, closed forms, gradients, extreme inputs."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from mrd_plugin.methods.cmcr.losses import (
    code_matching,
    commitment,
    cross_moment,
    moment_kl,
    moment_sums,
    occupancy_sums,
    orthogonality,
)
from mrd_plugin.methods.contrast.point_pixel import pair_info_nce
from mrd_plugin.methods.scalr import unit_distance
from mrd_plugin.methods.st_slidr import tolerant_info_nce
from tests.helpers import plain_pairs


def rows(n=9, dim=5, seed=0, unit=True, dtype=torch.float64):
    x = torch.randn(n, dim, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    return F.normalize(x, dim=1) if unit else x


POINTS, PIXELS, CODES = rows(seed=1), rows(seed=2), rows(7, seed=3)
SEMANTICS = rows(9, 4, seed=4, unit=False).abs()
TOLERANT = [
    dict(form='zeroed', quantile=0.3, balance=True),
    dict(form='masked', quantile=0.3, balance=True),
    dict(form='zeroed', quantile=0.3, balance=False),
    dict(form='zeroed', quantile=None, balance=True),
]


def kl(x):
    return moment_kl(moment_sums(x), len(x))


# Every loss over matched rows, as a function of points and pixels.
MATCHED = {
    'info_nce': lambda f, g: pair_info_nce(f, g, 0.3).loss,
    'tolerant': lambda f, g: tolerant_info_nce(f, g, SEMANTICS[: len(f)], 0.3, quantile=0.3).loss,
    'masked': lambda f, g: tolerant_info_nce(f, g, SEMANTICS[: len(f)], 0.3, 'masked', 0.3).loss,
    'unit_distance': lambda f, g: unit_distance(f, g).mean(),
    'code_matching': lambda f, g: code_matching(f, g, CODES).loss,
    'commitment': lambda f, g: (
        commitment(f, CODES[: len(f)], CODES[-len(f) :], 0.25)
        + commitment(g, CODES[-len(f) :], CODES[: len(f)], 0.25)
    ),
    'orthogonality': lambda f, g: orthogonality(cross_moment(f, g), len(f)),
    'moment_kl': lambda f, g: kl(f) + kl(g),
}


@pytest.mark.parametrize('temperature', [0.07, 1.0])
def test_info_nce_equals_the_loop(temperature):
    expected = plain_pairs.info_nce(POINTS, PIXELS, temperature)
    torch.testing.assert_close(pair_info_nce(POINTS, PIXELS, temperature).loss, expected)


def test_other_losses_equal_their_loops():
    expected = plain_pairs.unit_distance(3 * POINTS, PIXELS)
    torch.testing.assert_close(unit_distance(3 * POINTS, PIXELS).mean(), expected)
    expected = plain_pairs.code_matching(POINTS, PIXELS, CODES)
    torch.testing.assert_close(code_matching(POINTS, PIXELS, CODES).loss, expected)
    f, g, k, m = POINTS[:7], PIXELS[:7], CODES, CODES.flip(0)
    torch.testing.assert_close(
        commitment(f, k, m, 0.25) + commitment(g, m, k, 0.25),
        plain_pairs.commitment(f, g, k, m),
    )
    expected = plain_pairs.orthogonality(POINTS, 4 * PIXELS)
    torch.testing.assert_close(orthogonality(cross_moment(POINTS, 4 * PIXELS), 9), expected)


@pytest.mark.parametrize('name', sorted(MATCHED))
def test_gradients(name):
    f, g = (x[:5].clone().requires_grad_() for x in (POINTS, PIXELS))
    assert gradcheck(MATCHED[name], (f, g))


@pytest.mark.parametrize('name', sorted(set(MATCHED) - {'tolerant', 'masked', 'commitment'}))
def test_order_of_the_pairs_plays_no_part(name):
    order = torch.randperm(9, generator=torch.Generator().manual_seed(5))
    loss = MATCHED[name]
    torch.testing.assert_close(loss(POINTS[order], PIXELS[order]), loss(POINTS, PIXELS))


@pytest.mark.parametrize('name', sorted(MATCHED))
@pytest.mark.parametrize('scale', [0.0, 1e-12, 1e4])
def test_extreme_inputs_stay_finite(name, scale):
    f, g = (scale * x.float() for x in (POINTS, PIXELS))
    f[0], g[0] = scale * CODES[0].float(), scale * CODES[0].float()
    f[1:3] = f[0]  # equal rows, and one that equals its partner
    for x in (f, g):
        x.requires_grad_()
    codes = CODES.float()
    loss = {
        **MATCHED,
        'tolerant': lambda f, g: tolerant_info_nce(f, g, scale * SEMANTICS.float()).loss,
        'masked': lambda f, g: (
            tolerant_info_nce(f, g, scale * SEMANTICS.float(), 0.07, 'masked').loss
        ),
        'commitment': lambda f, g: commitment(f[:7], codes, codes, 0.25) + g.sum(),
        'code_matching': lambda f, g: code_matching(f, g, codes).loss,
    }[name](f, g)
    loss.backward()
    assert loss.isfinite() and f.grad.isfinite().all() and g.grad.isfinite().all()


@pytest.mark.parametrize('name', sorted(MATCHED))
def test_one_pair_and_none(name):
    for count in (1, 0):
        f, g = (x[:count].clone().requires_grad_() for x in (POINTS, PIXELS))
        if count == 0 and name == 'commitment':
            loss = commitment(f, f.detach(), f.detach(), 0.25) + 0 * g.sum()
        elif count == 0 and name == 'unit_distance':
            loss = unit_distance(f, g).sum()
        else:
            loss = MATCHED[name](f, g)
        loss.backward()
        assert loss.isfinite() and f.grad.isfinite().all()
        if count == 0 or name == 'info_nce':
            assert loss.item() == pytest.approx(0, abs=1e-9)


def test_random_features_cost_ln_n():
    """Orthogonal features: all logits are equal."""
    f, g = torch.eye(64)[:32], torch.eye(64)[32:]
    contrast = pair_info_nce(f, g)
    assert contrast.loss.item() == pytest.approx(math.log(32), rel=1e-6)
    assert contrast.chance.item() == pytest.approx(math.log(32), rel=1e-6)
    assert pair_info_nce(torch.zeros(2048, 2), torch.zeros(2048, 2)).chance.item() == pytest.approx(
        7.6246, abs=1e-4
    )
    same = torch.ones(9, 5).double()
    matched = code_matching(same, same, CODES)
    assert matched.loss.item() == pytest.approx(math.log(9)) == matched.chance.item()


def test_two_pairs_have_the_closed_form():
    f = torch.eye(2, dtype=torch.float64)
    contrast = pair_info_nce(f, f, 0.5)
    assert contrast.loss.item() == pytest.approx(math.log(1 + math.exp(-2)))
    assert contrast.match == 1
    assert pair_info_nce(f, f.flip(0), 0.5).match == 0


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_seventy_thousand_rows_in_half_precision(dtype):
    """Beyond 65,520 a count is infinite in float16, and a sum rounds in bfloat16."""
    n = 70_000
    predicted = torch.full((n, 2), 0.5, dtype=dtype, requires_grad=True)
    sums = occupancy_sums(predicted, torch.ones(n), torch.ones(n))
    assert sums.pairs == n == sums.known
    expected = occupancy_sums(predicted.float(), torch.ones(n), torch.ones(n))
    assert sums.occupancy == expected.occupancy and sums.intensity == expected.intensity
    torch.testing.assert_close(sums.intensity / sums.known, torch.tensor(0.5))
    torch.testing.assert_close(sums.occupancy / n, torch.tensor(0.5).neg().exp().log1p())
    (sums.occupancy / sums.pairs).backward()
    assert (predicted.grad[:, 0] != 0).all()
    rows = torch.tensor([[1.0, 0.0]], dtype=dtype).expand(n, 2)
    assert orthogonality(cross_moment(rows, rows), n) == 1
    assert moment_sums(rows)[1].tolist() == [n, 0]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('name', sorted(MATCHED))
def test_half_precision_is_compared_in_float32(name, dtype, monkeypatch):
    """The loss of rounded features is exactly that of the same numbers in float32."""
    for constant in ('CODES', 'SEMANTICS'):
        monkeypatch.setitem(globals(), constant, globals()[constant].to(dtype))
    given = [x[:7].to(dtype).requires_grad_() for x in (POINTS, PIXELS)]
    raised = [x.detach().float() for x in given]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = MATCHED[name](*given)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, MATCHED[name](*raised), rtol=1e-6, atol=1e-6)
    loss.backward()
    assert given[0].grad.isfinite().all() and given[0].grad.any()
