"""From files on disk to the batch that a model gets."""

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, MODELS

import mrd_plugin  # noqa: F401
from tests.helpers.lidar import KEYFRAME, make_nuscenes, real_data

PIPELINE = [
    dict(type='SampleViews'),
    dict(type='LoadPair'),
    dict(type='PatchMask'),
    dict(type='OccupancyQueries', num_queries=99),
    dict(type='PointRotation'),
    dict(type='PointFlip'),
    dict(type='CuboidDrop', min_pairs=5),
    dict(type='ResizedCrop', size=(32, 64)),
    dict(type='ImageFlip'),
    dict(type='PackPairs'),
]


def check(batch):
    """What holds for every batch."""
    assert batch.point_batch.max() == batch.image_batch.max() == batch.batch_size - 1
    views, rows, columns = batch.pair_pixels.T
    torch.testing.assert_close(batch.image_batch[views], batch.point_batch[batch.pair_points])
    height, width = batch.images.shape[2:]
    assert (rows >= 0).all() and (rows < height).all()
    assert (columns >= 0).all() and (columns < width).all()
    assert batch.point2voxel.max() == len(batch.voxel_coords) - 1
    assert len(batch.voxel_coords.unique(dim=0)) == len(batch.voxel_coords)
    sample_of_voxel = batch.voxel_coords[:, 0].long()
    torch.testing.assert_close(sample_of_voxel[batch.point2voxel], batch.point_batch)
    assert torch.isfinite(batch.points).all() and batch.images.max() <= 1
    assert batch.image_masks.shape == batch.images[:, 0].shape
    assert len(batch.query_batch) == len(batch.query_xyz) == len(batch.query_kind)


def test_a_whole_pipeline_on_made_up_keyframes(tmp_path):
    np.random.seed(0)
    root = make_nuscenes(tmp_path)
    cameras = ['CAM_FRONT', 'CAM_BACK']
    cfg = dict(type='NuScenesPairs', data_root=str(root), cameras=cameras, pipeline=PIPELINE)
    data = DATASETS.build(cfg)
    for _ in range(5):
        made = pseudo_collate([data[i] for i in range(4)])
        batch = MODELS.build(dict(type='PairDataPreprocessor'))(made)['inputs']
        assert batch.images.shape == (8, 3, 32, 64) and batch.batch_size == 4
        check(batch)


def test_the_real_keyframe_becomes_a_batch():
    np.random.seed(1)
    root = real_data('keyframes', 'nuscenes')
    slow = dict(type='ResizedCrop', size=(224, 416))
    pipeline = [slow if step['type'] == 'ResizedCrop' else step for step in PIPELINE]
    cfg = dict(type='NuScenesPairs', data_root=str(root), pipeline=pipeline, **KEYFRAME)
    data = DATASETS.build(cfg)
    batch = MODELS.build(dict(type='PairDataPreprocessor'))(pseudo_collate([data[0]]))['inputs']
    check(batch)
    assert batch.images.shape == (6, 3, 224, 416)
    assert 15000 < len(batch.voxel_coords) < 30000
    assert len(batch.pair_points) > 6000
