"""Tiny data sets with a class for each point, cut out of the real samples of the test data."""

import json
import pickle

import numpy as np

from mrd_plugin.datasets.lidar.nuscenes_segmentation import CLASSES
from mrd_plugin.utils.safe_pickle import load_plain_pickle
from tests.helpers.lidar import KEYFRAME, real_data

# Classes of the keyframe's boxes in their order -> numbers of nuScenes-lidarseg.
OF_BOX = (17, 23, 22, 16, 18, 14, 21, 2, 12, 9)
DRIVEABLE, MANMADE, EGO = 24, 28, 31


def labelled_keyframe():
    """The real nuScenes keyframe: points (N, 5), and numbers as lidarseg has them, from its boxes.

    What is in no box is road below 1.4 m under the sensor, the vehicle itself within 2 m, else
    manmade. Also: the boxes, and how many points nuScenes counts in each.
    """
    root = real_data('keyframes', 'nuscenes')
    row = load_plain_pickle(root / KEYFRAME['ann_file'])['data_list'][0]
    points = np.fromfile(root / row['lidar_points']['lidar_path'], np.float32).reshape(-1, 5)
    numbers = np.where(points[:, 2] < -1.4, DRIVEABLE, MANMADE).astype(np.uint8)
    numbers[np.linalg.norm(points[:, :2], axis=1) < 2] = EGO
    inside_counts = []
    for box in row['instances']:
        x, y, z, length, width, height, yaw = box['bbox_3d']
        local = points[:, :3] - np.array([x, y, z])
        cos, sin = np.cos(yaw), np.sin(yaw)
        along = local[:, 0] * cos + local[:, 1] * sin
        across = local[:, 1] * cos - local[:, 0] * sin
        sides = np.stack([along / length, across / width, local[:, 2] / height])
        inside = (np.abs(sides) <= 0.5).all(axis=0)
        numbers[inside] = OF_BOX[box['bbox_label_3d']]
        inside_counts.append(int(inside.sum()))
    return points, numbers, row['instances'], inside_counts


def make_lidarseg(root, scenes=('scene-0061', 'scene-0553'), frames=2, count=1500):
    """Write a nuScenes with labels: each keyframe is a random part of the real one.

    The info files (training: all, validation: the first) name no labels, as MMDetection3D's do not.
    """
    points, numbers, *_ = labelled_keyframe()
    random = np.random.default_rng(0)
    rows, samples, sweeps = [], [], []
    for folder in ('samples/LIDAR_TOP', 'lidarseg/v1.0-mini', 'v1.0-mini'):
        (root / folder).mkdir(parents=True)
    for place in range(len(scenes)):
        for frame in range(frames):
            token, name = f'{place}-{frame}', f'n015__LIDAR_TOP__{place}{frame}.pcd.bin'
            chosen = random.choice(len(points), count, replace=False)
            points[chosen].tofile(root / 'samples/LIDAR_TOP' / name)
            numbers[chosen].tofile(root / f'lidarseg/v1.0-mini/data{token}_lidarseg.bin')
            sweep = dict(lidar_path=name, num_pts_feats=5)
            rows.append(dict(token=token, timestamp=0.0, lidar_points=sweep, images={}))
            samples.append(dict(token=token, scene_token=f't{place}'))
            for kind, key in (('LIDAR_TOP', True), ('LIDAR_TOP', False), ('CAM_FRONT', True)):
                record = dict(
                    token=f'data{token}' if kind == 'LIDAR_TOP' and key else f'{kind}{token}{key}',
                    sample_token=token,
                    is_key_frame=key,
                    filename=f'samples/{kind}/{name}',
                )
                sweeps.append(record)
    meta = dict(version='v1.0-mini')
    for part, chosen in (('train', rows[::-1]), ('val', rows[:1])):
        infos = pickle.dumps(dict(metainfo=meta, data_list=chosen))
        (root / f'nuscenes_infos_{part}.pkl').write_bytes(infos)
    named = [dict(token=f't{place}', name=scene) for place, scene in enumerate(scenes)]
    tables = root / 'v1.0-mini'
    for name, table in (('scene', named), ('sample', samples), ('sample_data', sweeps)):
        (tables / f'{name}.json').write_text(json.dumps(table, indent=0))
    return root


def make_semantickitti(root, frames=4, count=1500):
    """Write SemanticKITTI's folders: parts of a real KITTI sweep, labelled by height."""
    path = real_data('kitti_object', 'training') / 'velodyne/000000.bin'
    points = np.fromfile(path, np.float32).reshape(-1, 4)
    classes = np.where(points[:, 2] < -1.4, 40, np.where(points[:, 2] < 0, 252, 70))
    random = np.random.default_rng(0)
    for sequence, name in [('00', f'{i:06d}') for i in range(frames)] + [('08', '000000')]:
        folder = root / 'sequences' / sequence
        for kind in ('velodyne', 'labels'):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        chosen = random.choice(len(points), count, replace=False)
        points[chosen].tofile(folder / f'velodyne/{name}.bin')
        instances = random.integers(0, 9, count)  # in the upper 16 bits
        (classes[chosen] + (instances << 16)).astype('<u4').tofile(folder / f'labels/{name}.label')
    return root


NUM_CLASSES = len(CLASSES)
