import numpy as np
import pytest
import torch

from mrd_plugin.ops import gather_rows
from tests.helpers.processes import run_on_ranks

COUNTS = (3, 1)  # unequal on purpose


def _rows():
    return torch.arange(12, dtype=torch.float64).view(4, 3) / 7


def _loss(x):
    return (x @ x.T).exp().sum()


def _on_rank(rank):
    x = _rows().split(COUNTS)[rank].clone().requires_grad_()
    joined = gather_rows(x)
    _loss(joined).backward()
    flags = gather_rows(torch.tensor([rank == 0] * COUNTS[rank]))
    nothing = gather_rows(torch.ones(rank, 2))
    # Both inputs of a sum get one gradient buffer.
    a, b = torch.ones(2, len(x), 3, dtype=torch.float64).requires_grad_()
    a.retain_grad(), b.retain_grad()
    ((gather_rows(a) + gather_rows(b)) * _rows()).sum().backward()
    shared = torch.stack([a.grad, b.grad]).numpy()
    return joined.detach().numpy(), x.grad.numpy(), flags.numpy(), nothing.shape, shared


@pytest.mark.ddp
def test_gathered_rows_and_gradients_equal_one_process():
    results = run_on_ranks(_on_rank)
    x = _rows().requires_grad_()
    _loss(x).backward()
    for (joined, _, flags, nothing, shared), own in zip(results, _rows().split(COUNTS)):
        np.testing.assert_array_equal(joined, x.detach().numpy())
        assert flags.tolist() == [True, True, True, False]
        assert tuple(nothing) == (1, 2)
        np.testing.assert_allclose(shared, np.stack([2 * own, 2 * own]), rtol=1e-12)
    # Both ranks compute the whole loss, so each gradient is twice one process's; the averaging of
    # DistributedDataParallel halves it.
    grad = np.concatenate([result[1] for result in results]) / 2
    np.testing.assert_allclose(grad, x.grad.numpy(), rtol=1e-12)


def test_without_process_group_returns_the_same_tensor():
    x = torch.ones(2, 2)
    assert gather_rows(x) is x
