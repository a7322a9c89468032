"""The ranks that other tests run on."""

import numpy as np
import pytest
from torch.multiprocessing import ProcessRaisedException

from tests.helpers.processes import run_on_ranks


def fail_on_the_second(rank):
    if rank == 1:
        raise ValueError('the second rank fails')


def more_than_a_pipe_holds(rank):
    return np.full(100_000, rank)


@pytest.mark.ddp
def test_a_rank_that_fails_ends_the_run():
    # Its own message, or that of the rank which waited for it, whichever comes first.
    with pytest.raises(ProcessRaisedException, match='the second rank fails|closed by peer'):
        run_on_ranks(fail_on_the_second)


@pytest.mark.ddp
def test_results_come_in_the_order_of_ranks():
    first, second = run_on_ranks(more_than_a_pipe_holds)
    assert len(first) == len(second) == 100_000 and not first.any() and second.all()
