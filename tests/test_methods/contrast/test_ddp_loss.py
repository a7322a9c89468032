"""Two processes with unequal batches and unequal numbers of texts against one process."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.methods.mrd.mrd import MRDLoss
from mrd_plugin.ops import gather_rows
from tests.helpers.processes import run_on_ranks
from tests.test_methods.mrd import reference

COUNTS = (7, 5)
OPTIONS = [
    {},
    dict(
        within=dict(type='UncertaintyWeights'),
        agreement=dict(tau=0.3),
        mask_duplicates=True,
        tau_cross='logit_scale',
    ),
]


def _batch():
    """Texts: 2 of 7 on the first rank, all 5 on the second."""
    return reference.batch(n=12, without_text=range(5), without_image=(8,), dtype=torch.float32)


def _evaluate(module, points, others):
    scales = torch.tensor([5.0, 9.0], requires_grad=True)
    log = module(Triplets(*map(gather_rows, (points, *others))), *scales)
    log['loss'].backward()
    own = np.concatenate([p.grad.numpy().ravel() for p in module.parameters()])
    grads = points.grad.numpy(), scales.grad.numpy(), own
    return ({key: value.item() for key, value in log.items()}, *grads)


def _on_rank(rank):
    points, *others = (rows.split(COUNTS)[rank] for rows in _batch())
    return [
        _evaluate(MRDLoss(**options), points.detach().requires_grad_(), others)
        for options in OPTIONS
    ]


@pytest.mark.ddp
def test_two_ranks_equal_one_process_on_the_joined_batch():
    ranks = run_on_ranks(_on_rank)
    for number, options in enumerate(OPTIONS):
        _assert_equal_to_one_process([rank[number] for rank in ranks], options)


def _assert_equal_to_one_process(ranks, options):
    points, *others = _batch()
    log, grad_points, grad_scales, grad_weights = _evaluate(MRDLoss(**options), points, others)
    for rank_log, _, rank_scales, rank_weights in ranks:
        assert rank_log.keys() == log.keys()
        for key, value in log.items():
            assert rank_log[key] == pytest.approx(value, rel=1e-5, abs=1e-6), key
        np.testing.assert_allclose(rank_scales, grad_scales, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(rank_weights, grad_weights, rtol=1e-5, atol=1e-6)
    # Each rank computes the whole loss; DistributedDataParallel halves the sum of the gradients.
    joined = np.concatenate([rank[1] for rank in ranks]) / 2
    np.testing.assert_allclose(joined, grad_points, rtol=1e-5, atol=1e-6)
