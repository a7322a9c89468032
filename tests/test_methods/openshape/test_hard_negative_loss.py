import math

import pytest
import torch
import torch.nn.functional as F

from mrd_plugin.methods.contrast.align_loss import AlignLoss
from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.methods.openshape import hard_negatives
from mrd_plugin.methods.openshape.hard_negatives import HardNegativeAlignLoss
from mrd_plugin.utils.errors import ConfigError

D = 5


def batch(n=12, seed=0, without_text=(), without_image=(), dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    points, image, text = torch.randn(3, n, D, generator=generator, dtype=dtype)
    has_image, has_text = torch.ones(2, n, dtype=torch.bool)
    has_image[list(without_image)] = False
    has_text[list(without_text)] = False
    image, text = image * has_image[:, None], text * has_text[:, None]
    scales = torch.tensor(3.0, dtype=dtype), torch.tensor(7.0, dtype=dtype)
    return points, image, text, has_image, has_text, *scales


def slow(points, image, text, has_image, has_text, scale_image, scale_text, group, margin):
    """The definition, one pair and one candidate at a time."""
    n = len(points)
    p, i, t = (F.normalize(x, dim=1) for x in (points, image, text))

    def out(a, b, rows, has):
        if a == b:
            return False
        if not (has[a] and has[b]) or torch.equal(rows[a], rows[b]):
            return True
        if a // group != b // group or not (has_text[a] and has_text[b] and has_image[a]):
            return False
        return bool(i[a] @ t[b] + margin >= i[a] @ t[a])

    total = 0.0
    for rows, has, scale in ((i, has_image, scale_image), (t, has_text, scale_text)):
        term, count = 0.0, 0
        for a in range(n):
            if not has[a]:
                continue
            count += 1
            row = sum(
                torch.exp(scale * p[a] @ rows[b]) for b in range(n) if not out(a, b, rows, has)
            )
            col = sum(
                torch.exp(scale * p[b] @ rows[a]) for b in range(n) if not out(b, a, rows, has)
            )
            term = term + 0.5 * (torch.log(row) + torch.log(col)) - scale * p[a] @ rows[a]
        total = total + 0.5 * term / count if count else total
    return total


@pytest.mark.parametrize('margin', [-0.2, 0.1, 0.6])
@pytest.mark.parametrize(
    'missing', [{}, dict(without_text=(1, 5)), dict(without_text=(0, 7, 8), without_image=(2, 7))]
)
def test_equals_the_definition(margin, missing):
    args = batch(**missing)
    args[2][9] = args[2][3] if args[4][3] else args[2][9]  # one text twice, in two groups
    found = HardNegativeAlignLoss(group_size=4, margin=margin)(Triplets(*args[:5]), *args[5:])
    torch.testing.assert_close(found['loss'], slow(*args, group=4, margin=margin))
    assert 0 <= found['dropped'] <= 1


def test_dropped_pairs_are_out_of_the_softmax_and_not_at_logit_zero():
    """Two samples whose texts fit each other's image: both pairs go, nothing is left to confuse."""
    points = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    image = text = torch.tensor([[1.0, 0.0], [0.999, 0.0447]])
    has = torch.ones(2, dtype=torch.bool)
    loss = HardNegativeAlignLoss(group_size=2, margin=0.1)
    found = loss(Triplets(points, image, text, has, has), torch.tensor(10.0), torch.tensor(10.0))
    assert (
        found['dropped'] == 1 and found['loss'].abs() < 1e-6
    )  # with logits of 0 it would be > 0.3
    kept = HardNegativeAlignLoss(group_size=2, margin=-1.0)
    found = kept(Triplets(points, image, text, has, has), torch.tensor(10.0), torch.tensor(10.0))
    assert found['dropped'] == 0 and found['loss'] > 1


def test_without_dropped_pairs_it_is_the_alignment_loss():
    args = batch(without_text=(2, 3), without_image=(5,))
    args = [x.float() if x.is_floating_point() else x for x in args]
    args[0].requires_grad_()
    grads = []
    for loss in (HardNegativeAlignLoss(group_size=3, margin=-3.0), AlignLoss()):
        value = loss(Triplets(*args[:5]), *args[5:])
        grads.append(torch.autograd.grad(value['loss'], args[0])[0])
    torch.testing.assert_close(*grads)
    ours, base = (
        loss(Triplets(*args[:5]), *args[5:])
        for loss in (HardNegativeAlignLoss(group_size=3, margin=-3.0), AlignLoss())
    )
    for key in ('loss', 'align_image', 'align_text', 'match_image', 'match_text'):
        torch.testing.assert_close(ours[key], base[key])


def test_only_pairs_of_a_group_are_judged():
    same = batch(n=6)
    everything = HardNegativeAlignLoss(group_size=3, margin=10.0)
    unfit, share = everything.false_negatives(
        *(F.normalize(x, dim=1) for x in same[1:3]), *same[3:5]
    )
    expected = torch.block_diag(*[torch.ones(3, 3)] * 2).bool() & ~torch.eye(6, dtype=torch.bool)
    assert torch.equal(unfit, expected) and share == 1


def test_gradient():
    points, image, text, *rest = batch(n=6, without_text=(4,))
    has_image, has_text, *scales = rest
    points.requires_grad_()
    for scale in scales:
        scale.requires_grad_()
    loss = HardNegativeAlignLoss(group_size=3, margin=0.2)

    def value(p, s_image, s_text):
        return loss(Triplets(p, image, text, has_image, has_text), s_image, s_text)['loss']

    assert torch.autograd.gradcheck(value, (points, *scales))


def test_no_text_at_all_and_no_batch_of_broken_groups():
    args = batch(without_text=range(12))
    args[0].requires_grad_()
    found = HardNegativeAlignLoss(group_size=4)(Triplets(*args[:5]), *args[5:])
    found['loss'].backward()
    assert found['align_text'] == 0 and math.isfinite(found['loss'].item())
    assert args[0].grad.isfinite().all()
    with pytest.raises(ConfigError, match='a batch of 12 from 1 rank.* whole groups'):
        HardNegativeAlignLoss(group_size=5)(Triplets(*args[:5]), *args[5:])


def test_groups_must_not_cross_ranks(monkeypatch):
    """12 rows of two ranks: three groups of four, the second of them from both."""
    monkeypatch.setattr(hard_negatives, 'get_world_size', lambda: 2)
    args = batch()
    with pytest.raises(ConfigError, match='a batch of 12 from 2 rank'):
        HardNegativeAlignLoss(group_size=4)(Triplets(*args[:5]), *args[5:])
    assert HardNegativeAlignLoss(group_size=3)(Triplets(*args[:5]), *args[5:])['loss'].isfinite()
