"""Info files of mmdet3d for real KITTI frames."""

import pickle

import numpy as np
import pytest

from mrd_plugin.data_preparation.kitti_frames import prepare_kitti_frames
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.detection import run_uncompiled
from tests.helpers.lidar import real_data


def test_mmdet3d_reads_what_it_says_of_a_frame(tmp_path, monkeypatch):
    pytest.importorskip('mmdet3d', reason='the second layer is not installed')
    from mmdet3d.datasets import KittiDataset

    run_uncompiled(monkeypatch)
    source = real_data('kitti_object', 'training')
    root = prepare_kitti_frames(source, tmp_path / 'kitti', frames=['000000'])
    dataset = KittiDataset(
        data_root=str(root),
        ann_file='kitti_infos_train.pkl',
        data_prefix=dict(pts='training/velodyne_reduced'),
        pipeline=[],
        metainfo=dict(classes=['Pedestrian', 'Cyclist', 'Car']),
    )
    assert len(dataset) == 1
    boxes = dataset.get_data_info(0)['ann_info']['gt_bboxes_3d'].tensor
    whole = np.fromfile(source / 'velodyne/000000.bin', np.float32).reshape(-1, 4)
    seen = np.fromfile(dataset.get_data_info(0)['lidar_points']['lidar_path'], np.float32)
    assert 4 * 15000 < seen.size < whole.size
    # label_2/000000.txt: x, y, z of the camera 1.84, 1.47, 8.41;
    # height, width, length 1.89, 0.48, 1.20
    expected = [[8.73, -1.86, -1.60, 1.20, 0.48, 1.89]]
    np.testing.assert_allclose(boxes[:, :6].numpy(), expected, atol=0.05)
    infos = pickle.loads((root / 'kitti_infos_val.pkl').read_bytes())
    assert infos['data_list'][0]['instances'][0]['num_lidar_pts'] == 377


def test_folders_that_are_none_of_kitti_are_named(tmp_path):
    with pytest.raises(ConfigError, match='there is no folder velodyne'):
        prepare_kitti_frames(tmp_path, tmp_path / 'out')
    for folder in ('velodyne', 'image_2', 'calib', 'label_2'):
        (tmp_path / folder).mkdir()
    with pytest.raises(ConfigError, match='label_2 holds no frame'):
        prepare_kitti_frames(tmp_path, tmp_path / 'out')
