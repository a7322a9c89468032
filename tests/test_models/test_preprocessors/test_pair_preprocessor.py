import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.engine import check_meta, collect_geometry
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.pairs import make_pair


def build(**kwargs):
    return MODELS.build(dict(type='PairDataPreprocessor', **kwargs))


def unequal():
    return [make_pair(60, 2, 20, seed=0), make_pair(45, 3, 0, seed=1), make_pair(30, 1, 7, seed=2)]


def test_indices_point_at_what_they_pointed_at():
    parts = unequal()
    out = build()(pseudo_collate(parts))
    batch = out['inputs']
    assert batch.batch_size == 3 and batch.images.shape == (6, 3, 16, 24)
    assert batch.images.dtype == torch.float32 and batch.images.max() <= 1
    pair = query = 0
    for index, part in enumerate(parts):
        points, images, sample = *part['inputs'].values(), part['data_samples']
        for point, (view, row, column) in zip(sample.pair_points, sample.pair_pixels):
            joined = batch.pair_points[pair]
            torch.testing.assert_close(batch.points[joined], points[point])
            assert batch.point_batch[joined] == index
            image, joined_row, joined_column = batch.pair_pixels[pair]
            assert (joined_row, joined_column) == (row, column)
            assert batch.image_batch[image] == index
            torch.testing.assert_close(batch.images[image] * 255, images[view].float())
            torch.testing.assert_close(batch.superpixels[image], sample.superpixels[view].long())
            torch.testing.assert_close(batch.image_masks[image], sample.image_masks[view])
            pair += 1
        rows = slice(query, query + len(sample.query_xyz))
        torch.testing.assert_close(batch.query_xyz[rows], sample.query_xyz)
        torch.testing.assert_close(batch.query_kind[rows], sample.query_kind)
        assert (batch.query_batch[rows] == index).all()
        query = rows.stop
        labels = batch.point_labels[batch.point_batch == index]
        torch.testing.assert_close(labels, sample.point_labels)
    assert pair == len(batch.pair_points) == 27 and query == len(batch.query_xyz)
    assert [s.sample_id for s in out['data_samples']] == ['sweep0', 'sweep1', 'sweep2']


def test_each_point_finds_the_voxel_around_it():
    batch = build(voxel_size=(0.5, 1.0, 0.25), voxel_features=('xyz', 'intensity'))(
        pseudo_collate(unequal())
    )['inputs']
    seen = batch.voxel_features[batch.point2voxel]
    cells, others = (
        torch.floor(p[:, :3] / torch.tensor([0.5, 1.0, 0.25])) for p in (batch.points, seen)
    )
    torch.testing.assert_close(cells, others)
    coords = batch.voxel_coords[batch.point2voxel]
    torch.testing.assert_close(coords[:, 0].long(), batch.point_batch)
    torch.testing.assert_close(coords[:, 1:].float(), cells)  # the clouds begin at the origin
    assert batch.voxel_coords.dtype == torch.int32


def test_a_range_takes_points_pairs_and_labels_along():
    whole = build()(pseudo_collate(unequal()))['inputs']
    limits = (2.0, 0.0, 0.0, 6.0, 8.0, 2.0)
    cut = build(point_range=limits)(pseudo_collate(unequal()))['inputs']
    inside = (whole.points[:, 0] >= 2) & (whole.points[:, 0] < 6)
    assert 0 < inside.sum() < len(inside)
    torch.testing.assert_close(cut.points, whole.points[inside])
    torch.testing.assert_close(cut.point_labels, whole.point_labels[inside])
    kept = inside[whole.pair_points]
    torch.testing.assert_close(cut.points[cut.pair_points], whole.points[whole.pair_points][kept])
    torch.testing.assert_close(cut.pair_pixels, whole.pair_pixels[kept])
    expected = torch.floor((cut.points[:, :3] - torch.tensor(limits[:3])) / 0.1)
    torch.testing.assert_close(cut.voxel_coords[cut.point2voxel][:, 1:].float(), expected)
    with pytest.raises(ValueError, match='No point of the batch lies in point_range=.*sweep0'):
        build(point_range=(90, 90, 90, 99, 99, 99))(pseudo_collate(unequal()))


def test_time_is_a_column_of_zeros():
    """Detectors that join sweeps read it; a pair has one sweep."""
    names = ('xyz', 'intensity', 'time')
    preprocessor = build(voxel_features=names)
    data = pseudo_collate(unequal())
    timed = preprocessor(data)['inputs'].voxel_features
    without = build(voxel_features=names[:2])(pseudo_collate(unequal()))['inputs'].voxel_features
    assert preprocessor.num_features == 5 == timed.shape[1]
    assert torch.equal(timed[:, :4], without) and (timed[:, 4] == 0).all()


def test_optional_fields_and_images_may_be_absent():
    parts = [make_pair(seed=i, superpixels=None, query_xyz=None) for i in range(2)]
    for part in parts:
        for key in ('query_kind', 'query_occupied', 'query_intensity'):
            part['data_samples'].pop(key)
        part['inputs'].pop('images')
    batch = build()(pseudo_collate(parts))['inputs']
    assert batch.superpixels is batch.query_xyz is batch.query_batch is None
    assert batch.images.shape == (0, 3, 0, 0) and len(batch.image_batch) == 0


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match='one size, got .*put ResizedCrop'):
        build()(pseudo_collate([make_pair(), make_pair(size=(20, 24))]))
    with pytest.raises(ValueError, match=r"superpixels is missing in \['sweep1'\]"):
        build()(pseudo_collate([make_pair(), make_pair(superpixels=None, seed=1)]))


@pytest.mark.parametrize(
    ('keys', 'said'),
    [
        (dict(voxel_size=(0.1, 0.1)), 'three positive numbers'),
        (dict(coordinates='polar'), "coordinates='polar': expected one of"),
        (dict(voxel_features=('rgb',)), 'expected some of'),
        (dict(point_range=(0, 0, 0, 1, 1, 0)), 'x, y, z from and x, y, z to'),
        (dict(point_range=(0, 0, 0, 1, 1, 1), coordinates='cylindrical'), 'goes with coordinates'),
    ],
)
def test_bad_keys_are_refused(keys, said):
    with pytest.raises(ConfigError, match=said):
        build(**keys)


def model_config(**keys):
    return Config(dict(model=dict(data_preprocessor=dict(type='PairDataPreprocessor', **keys))))


TRAINED = collect_geometry(model_config(voxel_size=[0.1, 0.1, 0.1]))


def test_correctness_keys_are_collected():
    assert TRAINED == dict(
        voxel_size=[0.1, 0.1, 0.1], coordinates='cartesian', voxel_features=['intensity']
    )


@pytest.mark.parametrize(
    ('keys', 'said'),
    [
        (dict(voxel_size=(0.05, 0.05, 0.1)), 'voxel_size=.*model.data_preprocessor.*voxel_size='),
        (dict(coordinates='cylindrical'), "coordinates='cartesian', but .*'cylindrical'"),
        (dict(voxel_features=('xyz', 'intensity')), r"voxel_features=\['intensity'\], but"),
    ],
)
def test_a_contradicting_stage_is_refused(keys, said):
    with pytest.raises(ConfigError, match=said):
        check_meta(dict(geometry=TRAINED), model_config(**keys))
    check_meta(dict(geometry=TRAINED), model_config(voxel_size=(0.1, 0.1, 0.1)))


def test_a_contradicting_mmdet3d_model_is_refused():
    layer = dict(voxel_type='minkunet', voxel_layer=dict(voxel_size=[0.05, 0.05, 0.05]))
    cfg = Config(dict(model=dict(data_preprocessor=dict(type='Det3DDataPreprocessor', **layer))))
    with pytest.raises(ConfigError, match=r'voxel_size=\[0.1, 0.1, 0.1\], but model.data_prep'):
        check_meta(dict(geometry=TRAINED), cfg)
