"""ST-SLidR: tolerated negatives and class balance."""

import math

import pytest
import torch

from mrd_plugin.methods.st_slidr import affinity, class_balance, tolerant_info_nce, tolerated
from mrd_plugin.utils.errors import ConfigError
from tests.helpers import plain_pairs
from tests.test_methods.test_lidar_losses import (
    PIXELS,
    POINTS,
    SEMANTICS,
    TOLERANT,
)


@pytest.mark.parametrize('options', TOLERANT)
def test_tolerant_info_nce_equals_the_loop(options):
    expected = plain_pairs.tolerant(POINTS, PIXELS, SEMANTICS, 0.3, **options)
    got = tolerant_info_nce(POINTS, PIXELS, SEMANTICS, 0.3, **options)
    torch.testing.assert_close(got.loss, expected)


def test_order_of_superpixels_plays_no_part():
    order = torch.randperm(9, generator=torch.Generator().manual_seed(5))
    for options in TOLERANT:
        one = tolerant_info_nce(POINTS, PIXELS, SEMANTICS, **options)
        other = tolerant_info_nce(POINTS[order], PIXELS[order], SEMANTICS[order], **options)
        torch.testing.assert_close(tuple(one), tuple(other))


def test_tolerance_zeroes_or_removes_the_most_similar_negatives():
    """Three kinds; the second superpixel is of the first one's kind."""
    semantics = torch.tensor([[1.0, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0, 1]])
    similarity = affinity(semantics)
    found = tolerated(similarity, 0.5)
    assert found.nonzero().tolist() == [[0, 1], [1, 0], [2, 1]]
    f = torch.eye(4)
    removed = tolerant_info_nce(f, f, semantics, 1.0, 'masked', 0.5, balance=False).loss
    zeroed = tolerant_info_nce(f, f, semantics, 1.0, 'zeroed', 0.5, balance=False).loss
    # Orthogonal negatives have the logit 0 anyway: the published form changes nothing, three rows
    # lose one negative in the other.
    e = math.e
    assert zeroed.item() == pytest.approx(math.log((e + 3) / e))
    assert removed.item() == pytest.approx((3 * math.log((e + 2) / e) + math.log((e + 3) / e)) / 4)


def test_class_balance_spares_the_rare():
    """Three superpixels of one kind, one of another: votes 3, 3, 3, 1."""
    weights = class_balance(affinity(torch.tensor([[1.0, 0], [2, 0], [3, 0], [0, 1]])))
    assert weights.tolist() == [0, 0, 0, 1]
    assert class_balance(affinity(torch.eye(3))).tolist() == [1, 1, 1]


def test_unknown_forms_are_refused():
    with pytest.raises(ConfigError, match="form='removed'"):
        tolerant_info_nce(POINTS, PIXELS, SEMANTICS, form='removed')
    with pytest.raises(ConfigError, match='quantile'):
        tolerant_info_nce(POINTS, PIXELS, SEMANTICS, form='masked', quantile=None)
