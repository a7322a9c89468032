import numpy as np
import pytest
import torch

from mrd_plugin.datasets import transforms as T
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.lidar import PAIR_TRANSFORMS
from tests.test_datasets.test_shapes.samples import cloud


def results(points=64, seed=0):
    return dict(sample_id='a', **cloud(seed, points))


def test_swap_yz_is_a_reflection():
    before = results()
    after = T.SwapYZ()(dict(before))['xyz']
    np.testing.assert_array_equal(after[:, [0, 2, 1]], before['xyz'])
    matrix = np.linalg.lstsq(before['xyz'], after, rcond=None)[0].T
    assert np.linalg.det(matrix) == pytest.approx(-1, abs=1e-5)


@pytest.mark.parametrize('points', [1024, 10000])
def test_normalised_shapes_have_mean_zero_and_largest_norm_one(points):
    sample = results(points)
    sample['xyz'] = sample['xyz'] * 30 + np.float32([100, -5, 3])
    xyz = T.CenterScaleUnitBall()(sample)['xyz']
    assert xyz.dtype == np.float32
    np.testing.assert_allclose(xyz.mean(axis=0, dtype=np.float64), 0, atol=1e-5)
    assert np.linalg.norm(xyz, axis=1).max() == pytest.approx(1, abs=1e-6)


def test_a_shape_of_equal_points_becomes_zeros():
    xyz = T.CenterScaleUnitBall()(dict(xyz=np.full((50, 3), 7, np.float32)))['xyz']
    np.testing.assert_array_equal(xyz, 0)


def test_sample_points_draws_without_replacement_or_with_it_when_short():
    sample = results(64)
    whole = {tuple(row) for row in sample['xyz']}
    subset = T.SamplePoints(40)(dict(sample))
    rows = [tuple(row) for row in subset['xyz']]
    assert len(set(rows)) == 40 and set(rows) <= whole
    shuffled = T.SamplePoints(64)(dict(sample))['xyz']
    assert {tuple(row) for row in shuffled} == whole
    assert not np.array_equal(shuffled, sample['xyz'])
    more = T.SamplePoints(100)(dict(sample))
    assert more['xyz'].shape == more['rgb'].shape == (100, 3)
    assert {tuple(row) for row in more['xyz']} < whole


def test_sample_points_keeps_points_and_colours_together():
    sample = results()
    sample['rgb'] = np.round(sample['rgb'] * 255).astype(np.uint8)
    colour_of = {tuple(p): c for p, c in zip(sample['xyz'], sample['rgb'])}
    drawn = T.SamplePoints(20)(dict(sample))
    expected = np.array([colour_of[tuple(p)] for p in drawn['xyz']]) / 255
    np.testing.assert_allclose(drawn['rgb'], expected, atol=1e-7)


def test_a_seed_fixes_the_draw_of_each_shape_and_not_of_all():
    draw = T.SamplePoints(20, seed=3)
    first, again = (draw(results())['xyz'] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = draw({**results(), 'sample_id': 'b'})['xyz']
    assert not np.array_equal(first, other)


def test_point_dropout_moves_the_coordinates_alone():
    before = results(4000)
    after = T.PointDropToFirst(max_ratio=1.0)(dict(before))
    moved = (after['xyz'] != before['xyz']).any(axis=1)
    assert 0 < moved.sum() < 4000
    np.testing.assert_array_equal(after['xyz'][moved] - before['xyz'][0], 0)
    np.testing.assert_array_equal(after['rgb'], before['rgb'])
    synced = T.PointDropToFirst(max_ratio=1.0, sync_rgb=True)(dict(before))
    moved = (synced['xyz'] != before['xyz']).any(axis=1)
    np.testing.assert_array_equal(synced['rgb'][moved] - before['rgb'][0], 0)


def test_point_dropout_draws_its_ratio_uniformly():
    ratios = []
    for _ in range(300):
        before = results(500)
        after = T.PointDropToFirst()(dict(before))
        ratios.append((after['xyz'] != before['xyz']).any(axis=1).mean())
    assert np.mean(ratios) == pytest.approx(0.875 / 2, abs=0.06)
    assert max(ratios) < 0.95 and min(ratios) < 0.1


def test_scale_and_shift_stay_in_their_ranges():
    one = dict(xyz=np.ones((2, 3), np.float32))
    factors = [T.RandomScale()(dict(one))['xyz'] for _ in range(300)]
    assert all(len(np.unique(f)) == 1 for f in factors)
    assert 0.8 <= np.min(factors) < 0.85 and 1.2 < np.max(factors) <= 1.25
    shifts = np.array([T.RandomShift()(dict(one))['xyz'][0] - 1 for _ in range(300)])
    assert np.abs(shifts).max() <= 0.1 + 1e-6 and len(np.unique(shifts[:, 0])) > 250
    stretch = np.array([T.RandomAnisotropicScale(1.3)(dict(one))['xyz'][0] for _ in range(300)])
    assert stretch.min() >= 1 / 1.3 - 1e-6 and stretch.max() <= 1.3 + 1e-6
    assert not np.allclose(stretch[:, 0], stretch[:, 1])


def turn_of(transform):
    return transform(dict(xyz=np.eye(3, dtype=np.float32)))['xyz'].T


def test_small_rotations_are_small_proper_rotations():
    for _ in range(200):
        turn = turn_of(T.RandomSmallRotation())
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
        assert np.linalg.det(turn) == pytest.approx(1, abs=1e-5)
        angle = np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))
        assert angle <= 3**0.5 * 0.18 * 1.1


def test_rotation_about_z_keeps_z_and_its_range():
    angles = []
    for _ in range(300):
        turn = turn_of(T.RandomRotationZ(max_angle=18))
        np.testing.assert_allclose(turn[2], [0, 0, 1], atol=1e-7)
        angles.append(np.rad2deg(np.arctan2(turn[1, 0], turn[0, 0])))
    assert -18 <= min(angles) < -15 and 15 < max(angles) <= 18
    wide = [turn_of(T.RandomRotationZ())[0, 0] for _ in range(200)]
    assert min(wide) < -0.9 and max(wide) > 0.9


def test_mirror_changes_signs_of_its_axes_half_of_the_time():
    signs = np.array(
        [T.RandomMirror()(dict(xyz=np.ones((1, 3), np.float32)))['xyz'][0] for _ in range(400)]
    )
    assert (signs[:, 1:] == 1).all()
    assert 0.4 < (signs[:, 0] == -1).mean() < 0.6


def test_colour_drop_gives_its_value_and_leaves_the_original_alone():
    sample = results()
    copy = sample['rgb'].copy()
    dropped = T.ColourDrop(p=1.0)(dict(sample))['rgb']
    assert dropped.dtype == np.float32
    np.testing.assert_array_equal(dropped, np.float32(0.4))
    np.testing.assert_array_equal(sample['rgb'], copy)
    np.testing.assert_array_equal(T.ColourDrop(p=0.0)(dict(sample))['rgb'], copy)
    assert 'rgb' not in T.ColourDrop(p=1.0)(dict(xyz=sample['xyz']))


def test_colour_jitter_stays_within_its_gain_and_range():
    rgb = np.tile(np.float32([[0.5, 0.9, 0.1]]), (10, 1))
    out = np.array([T.ColourJitter(0.2)(dict(rgb=rgb))['rgb'][0] for _ in range(200)])
    assert out.max() <= 1
    assert (np.abs(out[:, [0, 2]] / rgb[0, [0, 2]] - 1) <= 0.2 + 1e-6).all()


def test_pack_gives_inputs_and_a_data_sample():
    sample = results()
    sample.update(label=3, name='n', text='t', image_feat=np.ones(4), text_feat=None)
    packed = T.PackShapeInputs()(sample)
    assert packed['inputs'].shape == (64, 6) and packed['inputs'].dtype == torch.float32
    np.testing.assert_array_equal(packed['inputs'][:, 3:].numpy(), sample['rgb'])
    data = packed['data_samples']
    assert data.label.dtype == torch.long and data.label.shape == () and data.label == 3
    assert data.image_feat.dtype == torch.float32 and 'text_feat' not in data
    assert (data.sample_id, data.name, data.text, data.image_path) == ('a', 'n', 't', None)


def test_pack_fills_missing_colour_and_can_leave_colour_out():
    bare = dict(sample_id='a', xyz=results()['xyz'])
    assert (T.PackShapeInputs()(dict(bare))['inputs'][:, 3:] == np.float32(0.4)).all()
    grey = T.PackShapeInputs()({**bare, 'no_colour': 0.5})['inputs']
    assert (grey[:, 3:] == 0.5).all()
    assert T.PackShapeInputs(channels=('xyz',))(results())['inputs'].shape == (64, 3)


def test_size_is_a_channel_of_log_metres():
    pack = T.PackShapeInputs(channels=('xyz', 'rgb', 'size'))
    inputs = pack({**results(), 'size': 2.5})['inputs']
    assert inputs.shape == (64, 7)
    np.testing.assert_allclose(inputs[:, 6].numpy(), np.log(2.5), rtol=1e-6)
    assert (pack(results())['inputs'][:, 6] == 0).all()


def test_height_is_above_the_floor_as_mmdet3d_has_it():
    sample = results()
    inputs = T.PackShapeInputs(channels=('xyz', 'height'))(sample)['inputs'].numpy()
    z = np.sort(sample['xyz'][:, 2].astype(np.float64))
    place = 0.0099 * (len(z) - 1)  # between the two lowest of 64 points
    floor = z[0] + place * (z[1] - z[0])
    assert inputs.shape == (64, 4)
    np.testing.assert_allclose(inputs[:, 3], sample['xyz'][:, 2] - floor, atol=1e-6)


def test_random_size_blurs_and_withholds():
    np.random.seed(0)
    sizes = [T.RandomSize(sigma=0.1, drop=0.25)({'size': 2.0})['size'] for _ in range(4000)]
    known = np.log([size for size in sizes if size is not None])
    assert abs(len(known) / 4000 - 0.75) < 0.03
    assert abs(known.mean() - np.log(2)) < 0.01 and abs(known.std() - 0.1) < 0.005
    assert T.RandomSize()({'size': None})['size'] is None


@pytest.mark.parametrize(
    'build',
    [
        lambda: T.SamplePoints(0),
        lambda: T.PointDropToFirst(max_ratio=2),
        lambda: T.RandomScale(low=2.0, high=1.0),
        lambda: T.RandomAnisotropicScale(0.5),
        lambda: T.RandomMirror(axes=('up',)),
        lambda: T.PackShapeInputs(channels=('xyz', 'normals')),
        lambda: T.ChooseTextImage(policy=dict(sources=('tags',))),
        lambda: T.ChooseTextImage(policy=dict(text='longest')),
    ],
)
def test_impossible_arguments_are_named(build):
    with pytest.raises(ConfigError, match='expected'):
        build()


def test_no_transform_writes_into_its_input():
    sample = results()
    for array in (sample['xyz'], sample['rgb']):
        array.flags.writeable = False
    for name in T.__all__:
        if name in ('LoadShape', 'ChooseTextImage', 'SamplePoints', *PAIR_TRANSFORMS):
            continue
        getattr(T, name)()({**sample})
