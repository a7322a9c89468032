import base64

import numpy as np
import pytest

from mrd_plugin.reports.figures.lidar import (
    MOST_POINTS,
    Match,
    match_figure,
    occupancy_png,
    pack_match,
    plan_grid,
)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.fixture
def match():
    random = np.random.default_rng(0)
    table = unit(random.normal(size=(3, 4, 8)))
    pixels = np.stack([random.integers(0, 30, 50), random.integers(0, 40, 50)], axis=1)
    points = table[pixels[:, 0] // 10, pixels[:, 1] // 10]  # each looks like its own cell
    plan = random.uniform((-20, 0), (20, 60), (50, 2))
    image = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return Match('a <frame>', image, table, points, pixels, plan)


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


def test_packed_features_find_what_the_given_ones_find(match):
    packed = pack_match(match)
    assert (packed['dim'], packed['rows'], packed['columns'], packed['n']) == (8, 3, 4, 50)
    table = numbers(packed['map'], np.int8).reshape(12, 8).astype(int)
    points = numbers(packed['points'], np.int8).reshape(50, 8).astype(int)
    at = numbers(packed['pixels'], '<u2').reshape(50, 2) / 65535  # x, y
    own = (at[:, 1] * 3).astype(int) * 4 + (at[:, 0] * 4).astype(int)
    assert ((points @ table.T).argmax(1) == own).all()
    assert 0 <= packed['first'] < 50
    assert packed['image'].startswith('data:image/png;base64,')


def test_the_plan_keeps_its_shape_with_forward_up(match):
    above = numbers(pack_match(match)['above'], '<u2').reshape(-1, 2) / 65535
    assert above.min() >= 0 and above.max() <= 1
    order = np.random.default_rng(0).permutation(50)
    plan = match.plan[order]
    assert above[plan[:, 1].argmax(), 1] == above[:, 1].min()  # the furthest is at the top
    assert above[plan[:, 0].argmax(), 0] == above[:, 0].max()
    ratio = np.ptp(above, axis=0) / np.ptp(plan, axis=0)
    assert ratio[0] == pytest.approx(ratio[1], rel=1e-3)


def test_large_sweeps_are_thinned_and_titles_escaped(match):
    many = Match(
        match.title,
        match.image,
        match.map,
        np.tile(match.points, (40, 1)),
        np.tile(match.pixels, (40, 1)),
        np.tile(match.plan, (40, 1)),
    )
    assert pack_match(many)['n'] == MOST_POINTS
    figure = match_figure('m0', match)
    assert 'a &lt;frame&gt;' in figure and figure.count('<canvas') == 2


def test_cells_of_a_plan_lie_in_the_lidar_frame():
    xs, ys = plan_grid((0.0, 4.0), 3.0, 2.0)
    np.testing.assert_allclose(xs, [3, 1])  # the first row is the furthest
    np.testing.assert_allclose(ys, [2, 0, -2])  # the first column is the leftmost


def test_colours_of_a_plan():
    import io

    from PIL import Image

    probability = np.array([[0.0, 1.0], [np.nan, 0.5]])
    url = occupancy_png(probability, np.array([[0, 0], [5, 5]]))
    data = base64.b64decode(url.partition(',')[2])
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    assert pixels.shape == (6, 6, 3)
    free, occupied, unknown, half = pixels[0, 0], pixels[0, 3], pixels[3, 0], pixels[3, 3]
    assert free.tolist() == [226, 232, 240] and occupied.tolist() == [200, 80, 10]
    assert unknown.tolist() == [120, 125, 132]
    np.testing.assert_allclose(half, (free.astype(float) + occupied) / 2, atol=1)
    assert pixels[1, 1].tolist() == [
        20,
        60,
        160,
    ]  # a return in the first cell, the other is outside
