"""Projection of real frames against nuscenes-devkit's maths and KITTI's matrices."""

import numpy as np
import pytest
from nuscenes.utils.geometry_utils import view_points
from pyquaternion import Quaternion

from mrd_plugin.datasets import KITTIPairs, NuScenesPairs
from mrd_plugin.datasets.lidar.geometry import (
    as_matrix,
    lidar_to_camera,
    match_pixels,
    project_points,
)
from mrd_plugin.datasets.transforms import LoadPair
from mrd_plugin.utils.errors import BadSampleError
from mrd_plugin.utils.safe_pickle import load_plain_pickle
from tests.helpers.lidar import KEYFRAME, real_data, turn

PAIRS = dict(
    CAM_FRONT=3056,
    CAM_FRONT_RIGHT=3076,
    CAM_BACK_RIGHT=3370,
    CAM_BACK=4822,
    CAM_BACK_LEFT=4091,
    CAM_FRONT_LEFT=3700,
)


@pytest.fixture(scope='module')
def keyframe():
    root = real_data('keyframes', 'nuscenes')
    data = NuScenesPairs(data_root=str(root), **KEYFRAME)
    info = data.complete(data.get_data_info(0))
    row = load_plain_pickle(root / KEYFRAME['ann_file'])['data_list'][0]
    return row, LoadPair()(dict(info))


def largest(ours, theirs, where):
    return float(np.abs(ours - theirs)[where].max())


def test_the_keyframe_is_projected_as_by_the_devkit(keyframe):
    row, pair = keyframe
    xyz = pair['points'][:, :3].astype(np.float64)
    counts, worst = {}, 0.0
    for view, camera in enumerate(pair['cameras']):
        image = row['images'][camera['name']]
        lidar2cam = np.array(image['lidar2cam'])
        seen = lidar2cam[:3, :3] @ xyz.T + lidar2cam[:3, 3:]
        theirs = view_points(seen, np.array(image['cam2img']), normalize=True)[:2].T
        pixels, depth = project_points(xyz, camera['lidar2img'])
        front = seen[2] > 1
        worst = max(worst, largest(pixels, theirs, front))
        assert largest(depth, seen[2], front) < 1e-3
        inside = front & (theirs > 0).all(1) & (theirs < [1599, 899]).all(1)
        mine = pair['pair_pixels'][:, 0] == view
        assert pair['pair_points'][mine].tolist() == np.flatnonzero(inside).tolist()
        expected = np.round(theirs[inside][:, ::-1])
        np.testing.assert_array_equal(pair['pair_pixels'][mine, 1:], expected)
        counts[camera['name']] = int(mine.sum())
    print(f'nuScenes keyframe: largest difference {worst:.1e} px, pairs {counts}')
    assert worst < 1e-3
    assert counts == PAIRS


def test_the_keyframe_agrees_with_its_annotations(keyframe):
    """Boxes went another way into the images: from global, by the pose at the image's time."""
    row, pair = keyframe
    boxes = np.array([one['bbox_3d'][:3] for one in row['instances']])
    labels = np.array([one['bbox_label'] for one in row['instances']])
    errors = []
    for camera in pair['cameras']:
        pixels, depth = project_points(boxes, camera['lidar2img'])
        for seen in row['cam_instances'][camera['name']]:
            same = (labels == seen['bbox_label']) & (depth > 0)
            off = np.linalg.norm(pixels[same] - seen['center_2d'], axis=1)
            errors.append(off.min())
            assert abs(depth[same][off.argmin()] - seen['depth']) < 1e-3
    print(f'annotations: {len(errors)} boxes, largest difference {max(errors):.1e} px')
    assert len(errors) > 80 and max(errors) < 1e-3


def test_poses_are_followed_from_frame_to_frame(keyframe):
    """Step by step as nuscenes-devkit does it, from records with quaternions, here in float64."""
    row, pair = keyframe
    xyz = pair['points'][:, :3].astype(np.float64)
    data = NuScenesPairs(lazy_init=True)
    moved = turn(0.7)
    moved[:3, 3] = 0.4, -0.02, 0.01  # what the vehicle does until the image is taken
    worst = 0.0
    for camera in pair['cameras']:
        image = row['images'][camera['name']]
        mount, world = record(row['lidar_points']['lidar2ego']), record(row['ego2global'])
        later, cam2ego = record(row['ego2global'] @ moved), record(image['cam2ego'])
        given = dict(cam2img=image['cam2img'], cam2ego=matrix(cam2ego), ego2global=matrix(later))
        entry = dict(sample_id='a', lidar2ego=matrix(mount), ego2global=matrix(world))
        done = data.complete({**entry, 'cameras': [dict(name='c', **given)]})
        points = xyz.T
        for rotation, shift in (mount, world):
            points = rotation.rotation_matrix @ points + shift[:, None]
        for rotation, shift in (later, cam2ego):
            points = rotation.rotation_matrix.T @ (points - shift[:, None])
        theirs = view_points(points, np.array(image['cam2img']), normalize=True)[:2].T
        pixels, depth = project_points(xyz, done['cameras'][0]['lidar2img'])
        worst = max(worst, largest(pixels, theirs, points[2] > 1))
        assert largest(depth, points[2], points[2] > 1) < 1e-3
    print('largest difference along the poses, in pixels:', worst)
    assert worst < 1e-3


def record(pose):
    """A pose as nuScenes' tables give it: quaternion and translation."""
    pose = np.array(pose, dtype=np.float64)
    return Quaternion(matrix=pose[:3, :3], rtol=1, atol=1e-5).normalised, pose[:3, 3]


def matrix(given):
    pose = given[0].transformation_matrix
    pose[:3, 3] = given[1]
    return pose


def test_kitti_frames_are_projected_by_their_matrices():
    root = real_data('kitti_object', 'training')
    data = KITTIPairs(data_root=str(root))
    counts, worst = {}, 0.0
    for index in range(len(data)):
        pair = LoadPair()(data.complete(data.get_data_info(index)))
        lines = (line.split(':') for line in (root / f'calib/{pair["sample_id"]}.txt').open())
        calib = {key: np.array(rest[0].split(), float) for key, *rest in lines if rest}
        rectify = np.eye(4)
        rectify[:3, :3] = calib['R0_rect'].reshape(3, 3)
        mount = np.vstack([calib['Tr_velo_to_cam'].reshape(3, 4), [0, 0, 0, 1]])
        points = np.fromfile(root / f'velodyne/{pair["sample_id"]}.bin', np.float32).reshape(-1, 4)
        homogeneous = np.column_stack([points[:, :3].astype(float), np.ones(len(points))])
        seen = calib['P2'].reshape(3, 4) @ rectify @ mount @ homogeneous.T
        pixels, depth = project_points(points[:, :3], pair['cameras'][0]['lidar2img'])
        front = seen[2] > 1
        worst = max(worst, largest(pixels, (seen[:2] / seen[2]).T, front))
        assert largest(depth, seen[2], front) < 1e-3
        counts[pair['sample_id']] = len(pair['pair_points'])
    print(f'KITTI frames: largest difference {worst:.1e} px, pairs {counts}')
    assert worst < 1e-3
    assert counts == {'000000': 20222, '000001': 18579, '000002': 20148}


def test_pixels_at_the_border_and_depth():
    matrix = np.array([[10.0, 0, 10, 0], [0, 10, 5, 0], [0, 0, 1, 0]])
    xyz = np.array(
        [[0, 0, 2], [0.99, 0, 1.1], [-1.1, 0, 1.1], [0, 0, 1], [0, 0, -2], [0.04, 0.06, 2]],
        np.float32,
    )
    index, pixels = match_pixels(xyz, matrix, (21, 11), 1.0)
    assert index.tolist() == [0, 1, 5]  # the third lies on column 0, the fourth is too near
    assert pixels.tolist() == [[5, 10], [5, 19], [5, 10]]


def test_a_singular_calibration_is_refused():
    for matrix in (np.zeros((3, 3)), [[1, 0, 0], [0, 1, 0], [0, np.nan, 1]], np.ones((3, 4))):
        with pytest.raises(BadSampleError, match='cam2img of X is not invertible'):
            as_matrix(matrix, 'cam2img of X')
    with pytest.raises(BadSampleError, match=r'has the shape \(2,\)'):
        as_matrix([1, 2], 'cam2img')
    pose = turn(40)
    pose[:3, 3] = 1e4, -2e4, 3
    same = lidar_to_camera(np.eye(4), pose, pose, np.eye(4))
    np.testing.assert_allclose(same, np.eye(4), atol=1e-10)
