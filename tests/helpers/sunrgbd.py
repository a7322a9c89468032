"""Rooms in the files that MMDetection3D prepares of SUN RGB-D."""

import pickle

import numpy as np
from PIL import Image

# A camera that looks along y: u = 40 x / y + 30, v = 20 - 40 z / y on an image of 60 x 40 pixels.
DEPTH2IMG = np.array([[40.0, 30, 0], [0, 20, -40], [0, 1, 0]])


def make_rooms(root, count=4, points=3000):
    """Write ``count`` rooms whose points have the colours of the pixels that show them."""
    (root / 'points').mkdir(parents=True)
    (root / 'sunrgbd_trainval/image').mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for i in range(count):
        name = f'{i + 1:06d}'
        image = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(image).save(root / f'sunrgbd_trainval/image/{name}.png')
        pixels = rng.uniform((0, 0), (60, 40), (points, 2))
        y = rng.uniform(1, 4, points)
        x, z = (pixels[:, 0] - 30) / 40 * y, (20 - pixels[:, 1]) / 40 * y
        seen = image[pixels[:, 1].astype(int), pixels[:, 0].astype(int)] / 255
        table = np.column_stack([x, y, z, seen]).astype(np.float32)
        table.tofile(root / f'points/{name}.bin')
        rows.append(
            dict(
                lidar_points=dict(num_pts_feats=6, lidar_path=f'{name}.bin'),
                images=dict(
                    CAM0=dict(
                        img_path=f'{name}.png', depth2img=DEPTH2IMG.tolist(), height=40, width=60
                    )
                ),
                instances=[dict(bbox_3d=[np.float64(0.5)] * 7, bbox_label_3d=np.int64(i % 3))],
            )
        )
    for split, part in (('train', rows), ('val', rows[:2])):
        with open(root / f'sunrgbd_infos_{split}.pkl', 'wb') as file:
            pickle.dump(dict(metainfo=dict(DATASET='SUNRGBD'), data_list=part), file)
    return root
