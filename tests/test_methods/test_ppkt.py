"""PPKT: points are contrasted with their pixels."""

import math

import pytest
import torch

from tests.helpers import plain_pairs
from tests.helpers.lidar_toys import build, make_batch
from tests.test_methods.test_lidar_methods import both_sides


def test_ppkt_contrasts_points_with_their_pixels():
    model, batch = build('PPKT', num_pairs=1000), make_batch()
    points, pixels = both_sides(model, batch)
    view, row, column = batch.pair_pixels.T
    expected = plain_pairs.info_nce(points[batch.pair_points], pixels[view, :, row, column], 0.07)
    terms = model.eval().loss(batch)
    torch.testing.assert_close(terms['loss_contrast'], expected)
    assert terms['chance_contrast'].item() == pytest.approx(math.log(50))
    assert terms['pairs_per_image'] == 50 / 4
