"""The common codebook: choice, gradient, averages, revival, and two ranks against one."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS

from mrd_plugin.methods.cmcr.codebook import Codebook
from tests.helpers.processes import run_on_ranks


def make_book(num_codes=6, dim=4, **options):
    torch.manual_seed(0)
    return Codebook(num_codes, dim, **options)


def pairs(n=30, dim=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(2, n, dim, generator=generator), dim=2)


def plain_update(state, f, g, k, m, decay):
    """The two updates written as loops over codes, in float64."""
    sizes, sums = state['sizes'].double(), state['sums'].double()
    for chosen in (k, m):
        for v in range(len(sizes)):
            sizes[v] = decay * sizes[v] + (1 - decay) * int((chosen == v).sum())
            total = sum(
                (0.5 * f[i].double() + 0.5 * g[i].double() for i in (chosen == v).nonzero()[:, 0]),
                start=torch.zeros(f.shape[1], dtype=torch.float64),
            )
            sums[v] = decay * sums[v] + (1 - decay) * total
        everything = sizes.sum()
        sizes = (sizes + 1e-5) / (everything + len(sizes) * 1e-5) * everything
    codes = torch.stack([m / n for m, n in zip(sums, sizes)])
    return sizes, sums, codes / codes.norm(dim=1, keepdim=True)


def test_starts_with_unit_codes():
    book = make_book()
    torch.testing.assert_close(book.codes.norm(dim=1), torch.ones(6))
    assert not list(book.parameters())
    assert set(book.state_dict()) == {'codes', 'sizes', 'sums', 'idle'}
    assert MODELS.build(dict(type='Codebook')).codes.shape == (400, 64)


def test_choice_is_the_nearest_code():
    book = make_book()
    for scale in (0.1, 1.0, 50.0):  # features need not be of unit length
        f = scale * pairs()[0]
        assert torch.equal(book.nearest(f), torch.cdist(f, book.codes).argmin(1))
    assert book.nearest(pairs(0)[0]).shape == (0,)


def test_gradient_goes_straight_through():
    book = make_book()
    f = pairs()[0].requires_grad_()
    values, codes = book.quantise(f)
    torch.testing.assert_close(values, book.codes[codes])
    grad = torch.randn_like(f)
    assert torch.equal(torch.autograd.grad(values, f, grad)[0], grad)


def test_two_updates_a_step_equal_the_loops():
    book = make_book(decay=0.9)
    for step in range(3):
        f, g = pairs(seed=step)
        k, m = book.nearest(f), book.nearest(g)
        expected = plain_update(copy.deepcopy(book.state_dict()), f, g, k, m, 0.9)
        book.update(f, g, k, m)
        for name, value in zip(('sizes', 'sums', 'codes'), expected):
            torch.testing.assert_close(getattr(book, name).double(), value, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(book.codes.norm(dim=1), torch.ones(6))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_moves_the_book_as_the_same_numbers_in_float32(dtype):
    f, g = (x.to(dtype) for x in pairs())
    books = make_book(decay=0.9), make_book(decay=0.9)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        chosen = [books[0].nearest(x) for x in (f, g)]
        books[0].update(f, g, *chosen)
    assert all(torch.equal(k, books[1].nearest(x.float())) for k, x in zip(chosen, (f, g)))
    books[1].update(f.float(), g.float(), *chosen)
    for name, value in books[1].state_dict().items():
        assert torch.equal(books[0].state_dict()[name], value), name


def test_each_sensor_draws_its_codes_to_both():
    """One pair, two codes: each moves towards the pair's mean, so both sensors get one code."""
    book = make_book(num_codes=2, dim=2, decay=0.5)
    book.codes.copy_(torch.eye(2))
    book.sums.copy_(torch.eye(2))
    f, g = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    book.update(f, g, torch.tensor([0]), torch.tensor([1]))
    # The other update of the step only shrinks a sum, which changes no direction.
    first = F.normalize(torch.tensor([0.5 + 0.25, 0.25]), dim=0)
    torch.testing.assert_close(book.codes[0], first)
    second = F.normalize(torch.tensor([0.25, 0.25 + 0.25]), dim=0)
    torch.testing.assert_close(book.codes[1], second)


def test_nothing_to_learn_from_changes_nothing():
    book = make_book()
    before = book.codes.clone()
    f, g = pairs(0)
    book.update(f, g, book.nearest(f), book.nearest(g))
    torch.testing.assert_close(book.codes, before)


def test_revival_moves_dead_codes_beside_living_ones():
    book = make_book(revive=True, max_idle=3, decay=0.9)
    f = book.codes[[0, 1]].repeat(4, 1)
    for step in range(4):
        before = book.codes.clone()
        codes = torch.tensor([0, 1]).repeat(4)
        book.update(f, f, codes, codes)
        moved = (book.codes - before).norm(dim=1) > 1e-3
        assert moved[2:].all() == (step == 3)
    distance = torch.cdist(book.codes[2:], book.codes[:2]).amin(1)
    assert (distance < 0.01).all() and (distance > 0).all()
    torch.testing.assert_close(book.codes.norm(dim=1), torch.ones(6))
    assert book.idle.tolist() == [0] * 6
    asleep = make_book(max_idle=3)
    for _ in range(9):
        asleep.update(f, f, torch.tensor([0, 1]).repeat(4), torch.tensor([0, 1]).repeat(4))
    assert asleep.idle.tolist() == [0, 0, 9, 9, 9, 9]
    torch.testing.assert_close(asleep.codes[2:], make_book().codes[2:])


COUNTS = (23, 7)


def _steps(split):
    """Three updates; ``split`` gives this rank's rows. Codes that die are revived in the last."""
    book = make_book(num_codes=9, decay=0.8)
    for step in range(3):
        f, g = (
            rows.split(COUNTS)[split] if split is not None else rows for rows in pairs(seed=step)
        )
        book.update(f, g, book.nearest(f), book.nearest(g))
    return {name: value.double().numpy() for name, value in book.state_dict().items()}


def _revived(rank):
    torch.manual_seed(rank)
    book = Codebook(6, 4, revive=True, max_idle=0)
    torch.distributed.broadcast(book.codes, 0)
    torch.distributed.broadcast(book.sums, 0)
    f, g = (rows.split((3, 0))[rank] for rows in pairs(3))
    book.update(f, g, book.nearest(f), book.nearest(g))
    return book.codes.numpy()


def _both(rank):
    return _steps(rank), _revived(rank)


@pytest.mark.ddp
def test_two_ranks_with_unequal_counts_equal_one():
    one = _steps(None)
    ranks = run_on_ranks(_both)
    for state, _ in ranks:
        for name, value in one.items():
            np.testing.assert_allclose(state[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    np.testing.assert_array_equal(ranks[0][1], ranks[1][1])
