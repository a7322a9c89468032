"""SLidR and its semantically tolerant heir: means over superpixels are contrasted."""

import math

import pytest
import torch

from mrd_plugin.utils.errors import ConfigError
from tests.helpers import plain_pairs
from tests.helpers.lidar_toys import build, make_batch
from tests.test_methods.test_lidar_methods import both_sides


@pytest.mark.parametrize('name', ['SLidR', 'STSLidR'])
def test_slidr_contrasts_means_of_superpixels(name):
    model, batch = build(name), make_batch()
    points, pixels = both_sides(model, batch)
    view, row, column = batch.pair_pixels.T
    label = batch.superpixels[view, row, column]
    f, g, h = [], [], []
    maps = model.teacher(batch.images)
    small = batch.superpixels[:, ::4, ::4]
    for v in range(4):
        for s in range(5):
            inside = (view == v) & (label == s)
            cells = maps[v][:, small[v] == s]
            if inside.any() and (name == 'SLidR' or cells.shape[1]):
                f.append(points[batch.pair_points[inside]].mean(0))
                g.append(pixels[v][:, batch.superpixels[v] == s].mean(1))
                h.append(cells.mean(1))
    f, g = torch.stack(f), torch.stack(g)
    terms = model.loss(batch)
    if name == 'SLidR':
        expected = plain_pairs.info_nce(f, g, 0.07)
    else:
        expected = plain_pairs.tolerant(f, g, torch.stack(h), 0.07, 'zeroed', 0.2, True)
    torch.testing.assert_close(terms['loss_contrast'], expected, rtol=1e-4, atol=1e-4)
    assert terms['superpixels_per_image'] == len(f) / 4
    assert terms['chance_contrast'].item() == pytest.approx(math.log(len(f)))


def test_missing_superpixels_and_images_are_said():
    with pytest.raises(ConfigError, match='put SLICSuperpixels'):
        build('SLidR').loss(make_batch(superpixels=None))
    batch = make_batch()
    with pytest.raises(ConfigError, match='they are of other images'):
        build('SLidR').loss(batch._replace(superpixels=batch.superpixels[:, :-1]))
    with pytest.raises(ConfigError, match='no images'):
        build('PPKT').loss(batch._replace(images=batch.images[:0]))
