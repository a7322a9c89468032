import sys

import pytest
import torch

from mrd_plugin import ops

module = sys.modules['mrd_plugin.ops.row_ops']  # the function hides its module


def double(*shape):
    return torch.randn(
        *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape))
    ).requires_grad_()


@pytest.mark.parametrize('rows', [1, 7, 5000])
def test_moments_equal_mean_and_cov(rows):
    x = double(rows, 3).detach() + 5
    mean, cov = ops.row_moments(x)
    torch.testing.assert_close(mean, x.mean(0))
    torch.testing.assert_close(cov, torch.cov(x.T, correction=0).view(3, 3))


def test_moments_gradients():
    assert torch.autograd.gradcheck(ops.row_moments, double(9, 4))


def test_moments_keep_digits_far_from_zero():
    """Standard deviation 1 around 1000: the raw second moment would keep two digits of float32."""
    x = torch.randn(20_000, 4, generator=torch.Generator().manual_seed(0)) + 1000
    expected = torch.cov(x.double().T, correction=0).float()
    torch.testing.assert_close(ops.row_moments(x)[1], expected, rtol=1e-4, atol=1e-4)


def test_max_linear_equals_the_product():
    x, weight = double(700, 5, 3), double(4, 3)
    plain = (x @ weight.T).max(1).values
    torch.testing.assert_close(ops.max_linear(x, weight), plain)
    grad = torch.randn_like(plain)
    for a, b in zip(
        torch.autograd.grad(ops.max_linear(x, weight), (x, weight), grad),
        torch.autograd.grad(plain, (x, weight), grad),
    ):
        torch.testing.assert_close(a, b)
    assert torch.autograd.gradcheck(ops.max_linear, (x[:5].detach().requires_grad_(), weight))


def test_max_linear_ignores_blocks_and_threads(monkeypatch):
    x, weight = double(50, 6, 3), double(4, 3)
    threads = torch.get_num_threads()
    found = []
    try:
        for rows, count in ((1024, 1), (13, 2)):
            monkeypatch.setattr(module, '_ROWS', rows)
            torch.set_num_threads(count)
            out = module.max_linear(x, weight)
            found.append((out, *torch.autograd.grad(out.sin().sum(), (x, weight))))
    finally:
        torch.set_num_threads(threads)
    for a, b in zip(*found):
        torch.testing.assert_close(a, b)


def test_max_linear_of_equal_rows_gives_the_gradient_to_one():
    x = torch.ones(1, 4, 2, requires_grad=True)
    ops.max_linear(x, torch.eye(2)).sum().backward()
    assert x.grad[0].tolist() == [[1, 1], [0, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_max_linear_of_half_precision_weights(dtype):
    x = torch.tensor([[[1.0, 2], [3, -1]]], dtype=dtype, requires_grad=True)
    out = ops.max_linear(x, torch.eye(2, dtype=dtype))
    out.sum().backward()
    assert out.dtype == dtype and out.tolist() == [[3, 2]]
    assert x.grad.tolist() == [[[0, 1], [1, 0]]]


def test_max_linear_keeps_nan():
    x = torch.zeros(2, 3, 1)
    x[1, 1] = float('nan')
    assert ops.max_linear(x, torch.ones(1, 1)).isnan().flatten().tolist() == [False, True]
