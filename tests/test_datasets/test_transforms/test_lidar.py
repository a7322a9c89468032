"""Points, pixels, maps and queries stay in step, whatever is done to them."""

import copy

import numpy as np
import pytest
import torch

import mrd_plugin  # noqa: F401
from mrd_plugin.datasets import transforms as T
from mrd_plugin.datasets.transforms.lidar.images import Window, resize
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.helpers.lidar import PAIR_TRANSFORMS

H, W, V, N, M = 90, 160, 2, 500, 300


def results(seed=0, pairs=M):
    """A sample whose points know themselves by intensity and whose pixels know themselves by id."""
    random = np.random.default_rng(seed)
    points = random.uniform((-30, -30, -3, 0), (30, 30, 3, 0), (N, 4)).astype(np.float32)
    points[:, 3] = np.arange(N) / N
    rows, columns = np.mgrid[:H, :W]
    ids = (rows * W + columns).astype(np.int32)
    image = np.stack([rows, columns, 0 * rows], axis=2).astype(np.uint8)
    pixels = random.integers((0, 0, 0), (V, H, W), (pairs, 3))
    return dict(
        sample_id='s',
        cameras=[dict(name='left'), dict(name='right')],
        points=points,
        has_intensity=True,
        images=[image, image[:, ::-1].copy()],
        superpixels=[ids, ids + H * W],
        image_masks=[ids % 3 == 0, ids % 5 == 0],
        pair_points=random.integers(0, N, pairs),
        pair_pixels=pixels,
        point_labels=np.arange(N) % 7,
    )


def identities(sample):
    """What each pair joins: the point's number and the pixel's id."""
    points = np.round(sample['points'][sample['pair_points'], 3] * N).astype(int)
    view, row, column = sample['pair_pixels'].T
    ids = [sample['superpixels'][v][r, c] for v, r, c in zip(view, row, column)]
    return list(zip(points.tolist(), np.array(ids).tolist()))


def original_identities(sample):
    view, row, column = sample['pair_pixels'].T
    return list(zip(sample['pair_points'].tolist(), (view * H * W + row * W + column).tolist()))


CHAINS = dict(
    crop=[T.ResizedCrop(size=(224, 416), min_pairs=20)],
    small_crop=[T.ResizedCrop(size=(200, 370), scale=(0.05, 0.1), min_pairs=1, min_share=0.01)],
    resize=[T.ImageResize(size=(224, 416))],
    flip=[T.ImageFlip(prob=0.5)],
    cuboid=[T.CuboidDrop(max_size=0.9, min_pairs=10)],
    points=[T.PointRotation(), T.PointFlip()],
    all=[
        T.OccupancyQueries(num_queries=90),
        T.PointRotation(),
        T.PointFlip(),
        T.CuboidDrop(max_size=0.9, min_pairs=10),
        T.ResizedCrop(min_pairs=20),
        T.ImageFlip(),
    ],
)


@pytest.mark.parametrize('name', CHAINS)
def test_pairs_join_what_they_joined(name):
    np.random.seed(1)
    for seed in range(20):
        sample = results(seed)
        before = original_identities(sample)
        for transform in CHAINS[name]:
            sample = transform(sample)
        after = identities(sample)
        assert 0 < len(after) <= len(before) and set(after) <= set(before)
        if name in ('flip', 'points', 'resize'):
            assert after == before
        numbers = np.round(sample['points'][:, 3] * N).astype(int)
        np.testing.assert_array_equal(sample['point_labels'], numbers % 7)


@pytest.mark.parametrize('name', ['crop', 'resize', 'flip'])
def test_images_and_masks_go_the_same_way(name):
    np.random.seed(2)
    sample = results()
    for transform in CHAINS[name]:
        sample = transform(sample)
    for view, step in ((0, 3), (1, 5)):
        ids = np.asarray(sample['superpixels'][view]) - view * H * W
        np.testing.assert_array_equal(sample['image_masks'][view], ids % step == 0)
        columns = ids % W if view == 0 else W - 1 - ids % W
        colours = np.asarray(sample['images'][view]).astype(int)
        assert np.abs(colours[..., 0] - ids // W).max() <= 1
        assert np.abs(colours[..., 1] - columns).max() <= 1


def test_crops_are_as_configured():
    np.random.seed(3)
    crop = T.ResizedCrop(scale=(0.3, 0.8), ratio=(14 / 9, 17 / 9))
    for size in ((900, 1600), (375, 1242), (192, 341)):
        windows = [crop._window(size, np.random.uniform(*crop.scale)) for _ in range(200)]
        tops, lefts, heights, widths = np.array(windows).T
        assert (tops >= 0).all() and (tops + heights <= size[0]).all()
        assert (lefts >= 0).all() and (lefts + widths <= size[1]).all()
        assert (np.abs(np.log(widths / heights)) > np.log(14 / 9) - 0.02).all()
        assert (np.log(widths / heights) < np.log(17 / 9) + 0.02).all()
        shares = heights * widths / (size[0] * size[1])
        assert shares.max() < 0.8 and shares.min() > 0.28
    assert shares.max() > 0.7  # the smallest and the largest areas occur
    sample = T.ResizedCrop()(results())
    assert sample['images'].shape == (V, 224, 416, 3) and sample['images'].dtype == np.uint8
    assert sample['superpixels'].shape == sample['image_masks'].shape == (V, 224, 416)


def test_a_crop_that_loses_its_pairs_falls_back():
    np.random.seed(4)
    for seed in range(20):
        sample = results(seed)
        sample['pair_pixels'] = np.tile([1, H - 1, W - 1], (M, 1))  # all in one corner
        kept = T.ResizedCrop(scale=(0.02, 0.02), min_pairs=10**6, min_share=1)(sample)
        assert len(kept['pair_points']) == M
    alone = results(pairs=1)
    assert len(T.ResizedCrop(scale=(0.02, 0.02))(alone)['pair_points']) == 1
    assert len(T.ResizedCrop()(results(pairs=0))['pair_points']) == 0


def test_resizing_maps_corners_to_corners():
    sample = results(pairs=4)
    sample['pair_pixels'] = np.array([[0, 10, 20], [0, 39, 79], [0, 9, 20], [0, 40, 79]])
    done = resize(sample, [Window(10, 20, 30, 60), Window(0, 0, H, W)], (60, 240))
    # pixels grow to 2 x 4; the centre of the first is at (1, 2), that of the last at (59, 238)
    assert done['pair_pixels'].tolist() == [[0, 1, 2], [0, 59, 238]]


def test_points_move_rigidly_and_upright():
    np.random.seed(5)
    sample = T.OccupancyQueries(60)(results())
    before = copy.deepcopy(sample)
    angles = []
    for _ in range(200):
        turned = T.PointRotation()(copy.deepcopy(before))
        np.testing.assert_allclose(turned['points'][:, 2:], before['points'][:, 2:], atol=1e-6)
        angle, old = (np.arctan2(s['points'][:, 1], s['points'][:, 0]) for s in (turned, before))
        change = np.mod(angle - old + 0.1, 2 * np.pi) - 0.1
        assert np.ptp(np.sort(change)[5:-5]) < 1e-4
        angles.append(np.median(change))
    assert min(angles) < 0.3 and max(angles) > 6 and abs(np.mean(angles) - np.pi) < 0.5
    flipped = T.PointFlip(prob=1.0)(copy.deepcopy(before))
    np.testing.assert_allclose(flipped['points'], before['points'] * [-1, -1, 1, 1])
    np.testing.assert_allclose(flipped['query_xyz'], before['query_xyz'] * [-1, -1, 1])


def check_queries(sample, delta):
    """Each query lies on the ray to its return, where its kind says; returns the kinds."""
    returns = sample['points'][sample['query_points']].astype(float)
    queries, kind = sample['query_xyz'].astype(float), sample['query_kind']
    depth, along = (np.linalg.norm(x, axis=1) for x in (returns[:, :3], queries))
    cosine = (queries * returns[:, :3]).sum(1) / (depth * along + 1e-12)
    assert (cosine[along > 1e-2] > 1 - 1e-6).all()
    behind, front, far = (kind == k for k in range(3))
    shift = along - depth
    assert (shift[behind] > -1e-5).all() and (shift[behind] < delta + 1e-5).all()
    assert (shift[front] < 1e-5).all() and (shift[front] > -delta - 1e-5).all()
    assert (along[far] < depth[far] + 1e-5).all()
    np.testing.assert_array_equal(sample['query_occupied'], behind.astype(np.float32))
    np.testing.assert_allclose(sample['query_intensity'][~far], returns[~far, 3])
    assert (sample['query_intensity'][far] == -1).all()
    return np.bincount(kind, minlength=3).tolist()


def test_queries_of_also():
    np.random.seed(6)
    sample = T.OccupancyQueries(num_queries=2048, delta=0.1)(results())
    assert check_queries(sample, 0.1) == [684, 682, 682]
    assert sample['query_occupied'].sum() == 684
    far = sample['query_kind'] == 2
    share = np.linalg.norm(sample['query_xyz'][far], axis=1) / np.linalg.norm(
        sample['points'][sample['query_points'][far], :3], axis=1
    )
    assert abs(share.mean() - 0.5) < 0.05 and share.min() < 0.05  # uniform along the ray
    few = T.OccupancyQueries(num_queries=100)(results())
    assert len(np.unique(few['query_points'])) == 100
    blind = T.OccupancyQueries(num_queries=90)({**results(), 'has_intensity': False})
    assert (blind['query_intensity'] == -1).all()
    close = results()
    close['points'][:, :3] = 0
    with pytest.raises(BadSampleError, match='s: no point is more than 0.1 m from the sensor'):
        T.OccupancyQueries()(close)


@pytest.mark.parametrize('order', ['before', 'behind'])
def test_a_dropped_cuboid_takes_the_queries_of_its_points(order):
    np.random.seed(7)
    drop, ask = T.CuboidDrop(max_size=0.9, min_pairs=10), T.OccupancyQueries(2048)
    dropped = 0
    for seed in range(10):
        chain = (drop, ask) if order == 'before' else (ask, drop)
        sample = results(seed)
        for transform in (*chain, T.PointRotation(), T.PointFlip()):
            sample = transform(sample)
        counts = check_queries(sample, 0.1)
        lost = 2048 - sum(counts)
        dropped += N - len(sample['points'])
        assert (lost > 0) == (order == 'behind' and len(sample['points']) < N)
        lengths = {len(sample[f'query_{key}']) for key in ('xyz', 'occupied', 'kind', 'intensity')}
        assert lengths == {sum(counts)}
    assert dropped > 100


def test_a_cuboid_is_a_box_that_leaves_enough():
    np.random.seed(8)
    for seed in range(20):
        sample = results(seed)
        before, pairs = sample['points'], sample['pair_pixels'][:, 0]
        done = T.CuboidDrop(max_size=0.5, min_pairs=100)(dict(sample))
        kept = np.isin(before[:, 3], done['points'][:, 3])
        gone = before[~kept]
        assert len(gone)
        low, high = gone[:, :3].min(0), gone[:, :3].max(0)
        assert ((high - low) <= 0.5 * np.ptp(before[:, :3], axis=0) + 1e-4).all()
        inside = ((before[:, :3] >= low) & (before[:, :3] <= high)).all(1)
        np.testing.assert_array_equal(inside, ~kept)
        left = np.bincount(done['pair_pixels'][:, 0], minlength=V)
        assert (left >= np.minimum(100, 0.75 * np.bincount(pairs, minlength=V))).all()
    one = results(pairs=1)
    one['points'][:, :3] = one['points'][:1, :3]  # whatever is dropped, all goes
    assert len(T.CuboidDrop()(one)['points']) == N


def test_masks_are_patches_of_some_images():
    np.random.seed(9)
    transform = T.PatchMask(prob=0.5, patch_size=16, ratio=0.5)
    masked, shares = 0, []
    for _ in range(100):
        for mask in transform(results())['image_masks']:
            assert mask.shape == (H, W) and mask.dtype == bool
            blocks = mask[: H // 16 * 16].reshape(H // 16, 16, W // 16, 16)
            assert (blocks.all((1, 3)) == blocks.any((1, 3))).all()
            masked += mask.any()
            if mask.any():
                shares.append(mask.mean())
    assert 75 < masked < 125 and abs(np.mean(shares) - 0.5) < 0.03
    assert not any(m.any() for m in T.PatchMask(prob=0)(results())['image_masks'])


def test_views_are_sampled_before_they_are_read():
    np.random.seed(10)
    cameras = [dict(name=name) for name in 'abcdef']
    seen = set()
    for _ in range(60):
        chosen = T.SampleViews(3)(dict(cameras=cameras))['cameras']
        names = [camera['name'] for camera in chosen]
        assert len(set(names)) == 3
        seen.add(tuple(names))
    assert len(seen) > 30
    assert len(T.SampleViews()(dict(cameras=cameras))['cameras']) == 6
    assert len(T.SampleViews(9)(dict(cameras=cameras))['cameras']) == 6
    with pytest.raises(ConfigError, match='stands behind LoadPair'):
        T.SampleViews(3)({**results(), 'cameras': cameras})


def test_packing():
    np.random.seed(11)
    sample = T.OccupancyQueries(60)(T.ImageResize((32, 64))(results()))
    packed = T.PackPairs()(dict(sample))
    points, images, data = *packed['inputs'].values(), packed['data_samples']
    assert points.dtype == torch.float32 and points.shape == (N, 4)
    assert images.dtype == torch.uint8 and images.shape == (V, 3, 32, 64)
    np.testing.assert_array_equal(images[1].permute(1, 2, 0), sample['images'][1])
    assert data.sample_id == 's' and data.num_views == V
    assert data.view_names == ['left', 'right']
    kinds = dict(
        pair_points=torch.int64,
        pair_pixels=torch.int64,
        superpixels=torch.int32,
        image_masks=torch.bool,
        query_xyz=torch.float32,
        query_occupied=torch.float32,
        query_kind=torch.int64,
        query_intensity=torch.float32,
        point_labels=torch.int64,
    )
    assert set(data.keys()) == set(kinds)
    for key, kind in kinds.items():
        assert data.get(key).dtype == kind
        np.testing.assert_array_equal(data.get(key), sample[key])
    with pytest.raises(BadSampleError, match='s: no pair of point and pixel is left'):
        T.PackPairs()(results(pairs=0))
    odd = results()
    odd['images'][0] = odd['images'][0][:-1]
    with pytest.raises(ConfigError, match='put ResizedCrop or ImageResize before it'):
        T.PackPairs()(odd)


@pytest.mark.parametrize(
    'build',
    [
        lambda: T.ResizedCrop(scale=(0, 1)),
        lambda: T.ResizedCrop(ratio=(2, 1)),
        lambda: T.CuboidDrop(max_size=1.0),
        lambda: T.OccupancyQueries(num_queries=2),
        lambda: T.OccupancyQueries(delta=0),
        lambda: T.PatchMask(ratio=1.0),
        lambda: T.SampleViews(0),
    ],
)
def test_impossible_arguments_are_named(build):
    with pytest.raises(ConfigError, match='expected'):
        build()


def test_no_transform_writes_into_its_input():
    np.random.seed(12)
    sample = T.OccupancyQueries(60)(results())
    for value in sample.values():
        for array in value if isinstance(value, list) else [value]:
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
    for name in PAIR_TRANSFORMS:
        if name not in (
            'LoadPair',
            'LoadPointLabels',
            'LoadSuperpixels',
            'LoadSweep',
            'SLICSuperpixels',
            'SampleViews',
            'PackPairs',
        ):
            getattr(T, name)()({**sample})
