"""The data configs of the LiDAR family, on small data, from file to batch."""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.engine import collect_geometry
from tests.helpers.lidar import make_kitti_object, make_nuscenes, make_zod

MAKE = dict(nuscenes=make_nuscenes, kitti=make_kitti_object, zod=make_zod)
PIPELINES = ('train_pipeline', 'superpixel_pipeline', 'reconstruction_pipeline', 'test_pipeline')


@pytest.fixture(scope='module', params=MAKE)
def source(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    MAKE[request.param](root)
    return request.param, root


@pytest.mark.parametrize('name', PIPELINES)
def test_pipelines_reach_the_batch(source, name):
    np.random.seed(0)
    kind, root = source
    cfg = Config.fromfile(f'configs/_base_/datasets/{kind}_pairs.py')
    for transform in cfg[name]:
        if transform.type == 'SLICSuperpixels':
            transform.update(cache_dir=str(root / 'cache'), n_segments=6)
    settings = dict(data_root=str(root), pipeline=cfg[name])
    if kind == 'nuscenes':
        settings['cameras'] = ['CAM_FRONT', 'CAM_BACK']
    data = DATASETS.build({**cfg.train_dataloader.dataset, **settings})
    made = pseudo_collate([data[0], data[1]])
    batch = MODELS.build(cfg.pair_preprocessor)(made)['inputs']
    assert batch.images.shape[2:] == cfg.image_size and len(batch.pair_points) > 0
    assert (batch.superpixels is not None) == (name == 'superpixel_pipeline')
    assert (batch.image_masks is not None) == (name == 'reconstruction_pipeline')
    assert (batch.query_xyz is not None) == (name == 'reconstruction_pipeline')
    assert (batch.point_labels is not None) == (kind == 'zod')


def test_the_settings_of_correctness_are_collected():
    cfg = Config.fromfile('configs/_base_/datasets/nuscenes_pairs.py')
    cfg.model = dict(data_preprocessor=cfg.pair_preprocessor)
    found = collect_geometry(cfg)
    assert found == dict(
        voxel_size=[0.1, 0.1, 0.1],
        coordinates='cartesian',
        voxel_features=['intensity'],
        intensity_scale=1 / 255,
    )
