"""Tiny nuScenes, KITTI and projected samples on disk, and the real ones of the test data."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrd_plugin.datasets.lidar.nuscenes_pairs import CAMERAS

SIZE = (64, 48)  # width and height of the made-up images
CAM2IMG = [[40.0, 0, 32], [0, 40.0, 24], [0, 0, 1]]
# From x right, y forward, z up to x right, y down, z forward.
FORWARD = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
KEYFRAME = dict(
    ann_file='n015-2018-07-24-11-22-45+0800.pkl',
    data_prefix={'pts': '', **{name: '' for name in CAMERAS}},
)


def real_data(*parts):
    """A folder of the test data."""
    root = Path(os.environ.get('MRD_TEST_DATA', '../shared/data')).joinpath(*parts)
    if not root.is_dir():
        pytest.skip(f'MRD_TEST_DATA: there is no {root}')
    return root


def turn(degrees):
    """Rotation about z as a (4, 4) matrix."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.eye(4)
    matrix[:2, :2] = [[cos, -sin], [sin, cos]]
    return matrix


def write_image(path, seed=0, size=SIZE):
    """An image of smooth colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    coarse.resize(size, Image.Resampling.BICUBIC).save(path)


def write_sweep(path, seed=0, count=400, width=5):
    """Points all around the sensor, with intensities from 0 to 255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    table = random.uniform((-20, -20, -3, 0), (20, 20, 3, 255), (count, 4))
    np.column_stack([table, np.zeros((count, width - 4))]).astype(np.float32).tofile(path)


def make_nuscenes(root, scenes=('scene-0061', 'scene-0103', 'scene-1094'), frames=2, **image):
    """Write a tiny nuScenes: tables of the mini version, one info file, two cameras, no motion."""
    rows, samples = [], []
    for place in range(len(scenes)):
        for frame in range(frames):
            token = f'{place}-{frame}'
            sweep = f'{token}.pcd.bin'
            write_sweep(root / 'samples/LIDAR_TOP' / sweep, seed=10 * place + frame)
            images = {}
            for name, degrees in (('CAM_FRONT', 0), ('CAM_BACK', 180)):
                write_image(root / f'samples/{name}/{token}.png', seed=2 * len(rows) + len(images))
                images[name] = dict(
                    img_path=f'{token}.png',
                    cam2img=CAM2IMG,
                    lidar2cam=(FORWARD @ turn(degrees)).tolist(),
                    cam2ego=np.linalg.inv(FORWARD @ turn(degrees)).tolist(),
                    timestamp=0.0,
                    **image,
                )
            points = dict(
                num_pts_feats=5, lidar_path=sweep, lidar2ego=np.eye(4, dtype=np.float32).tolist()
            )
            rows.append(
                dict(
                    token=token,
                    timestamp=np.float64(0),
                    lidar_points=points,
                    images=images,
                    ego2global=turn(30).tolist(),
                )
            )
            samples.append(dict(token=token, scene_token=f't{place}'))
    infos = dict(metainfo=dict(version='v1.0-mini'), data_list=rows[::-1])
    (root / 'nuscenes_infos_train.pkl').write_bytes(pickle.dumps(infos))
    tables = root / 'v1.0-mini'
    tables.mkdir()
    named = [dict(token=f't{place}', name=scene) for place, scene in enumerate(scenes)]
    (tables / 'scene.json').write_text(json.dumps(named))
    (tables / 'sample.json').write_text(json.dumps(samples))
    return root


P2 = [40.0, 0, 32, 4, 0, 40, 24, 2, 0, 0, 1, 0.01]
# Velodyne's x forward, y left, z up to x right, y down, z forward.
VELO = np.array([[0.0, -1, 0, 0.1], [0, 0, -1, -0.2], [1, 0, 0, -0.3]])


def lines_of(**rows):
    return ''.join(f'{key}: {" ".join(map(str, np.ravel(row)))}\n' for key, row in rows.items())


def make_kitti_object(root, frames=3):
    """Write a tiny object benchmark."""
    for frame in range(frames):
        write_sweep(root / f'velodyne/{frame:06d}.bin', seed=frame, width=4)
        write_image(root / f'image_2/{frame:06d}.png', seed=frame)
        calib = root / f'calib/{frame:06d}.txt'
        calib.parent.mkdir(exist_ok=True)
        calib.write_text(lines_of(P2=P2, R0_rect=turn(5)[:3, :3], Tr_velo_to_cam=VELO))
    return root


def make_kitti_raw(root, frames=3):
    """Write one drive of the raw recordings with the same calibration."""
    day = root / '2011_09_26'
    drive = day / '2011_09_26_drive_0001_sync'
    for frame in range(frames):
        write_sweep(drive / f'velodyne_points/data/{frame:010d}.bin', seed=frame, width=4)
        write_image(drive / f'image_02/data/{frame:010d}.png', seed=frame)
    text = 'calib_time: 09-Jan-2012 13:57:47\n'
    rectified = lines_of(P_rect_02=P2, R_rect_00=turn(5)[:3, :3])
    (day / 'calib_cam_to_cam.txt').write_text(text + rectified)
    (day / 'calib_velo_to_cam.txt').write_text(text + lines_of(R=VELO[:, :3], T=VELO[:, 3]))
    return root


PAIR_TRANSFORMS = (
    *('CuboidDrop', 'ImageFlip', 'ImageResize', 'LoadPair', 'LoadPointLabels'),
    *('LoadSuperpixels', 'LoadSweep', 'OccupancyQueries', 'PackSweep'),
    *('PackPairs', 'PatchMask', 'PointFlip', 'PointRotation', 'ResizedCrop', 'SLICSuperpixels'),
    'SampleViews',
)


def make_zod(root, frames=4):
    """Write a tiny embedded sample: one training frame, and the next in the other lists."""
    random = np.random.default_rng(0)
    names = [f'frame_{frame:06d}' for frame in range(frames)]
    for folder in ('lidar_png', 'annotation_camera_only'):
        (root / folder).mkdir(parents=True)
    for place, name in enumerate(names):
        write_image(root / f'camera/{name}.png', seed=place)
        lidar = random.integers(1, 250, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
        lidar[random.random(lidar.shape[:2]) < 0.7] = 0
        Image.fromarray(lidar).save(root / f'lidar_png/{name}.png')
        classes = random.integers(0, 6, (SIZE[1], SIZE[0]), dtype=np.uint8)
        Image.fromarray(classes).save(root / f'annotation_camera_only/{name}.png')
    lists = dict(all=names, train=names[:1], validation=names[1:2], test_snow=names[2:3])
    for part, listed in lists.items():
        (root / f'{part}.txt').write_text(''.join(f'camera/{name}.png\n' for name in listed))
    return root
