"""KITTI: sweeps with one calibrated camera, of the object benchmark and of the raw recordings.

Each of the two has a form of calibration file of its own; both are read here into one projection
from the LiDAR frame to pixels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import DATASETS

from mrd_plugin.datasets.lidar.geometry import as_matrix
from mrd_plugin.datasets.lidar.pair_dataset import PairDataset
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.files import find_file


def read_calib(path: str | Path) -> dict[str, np.ndarray]:
    """Read the lines ``key: numbers`` of a calibration file; lines that hold text are left out.

    Raises:
        BadSampleError: If the file is missing.
    """
    try:
        lines = Path(path).read_text(encoding='utf-8').splitlines()
    except FileNotFoundError:
        raise BadSampleError(f'{path}: there is no such calibration file.') from None
    found = {}
    for line in lines:
        key, _, numbers = line.partition(':')
        try:
            found[key.strip()] = np.array([float(number) for number in numbers.split()])
        except ValueError:
            continue
    return found


def object_projection(path: str | Path, camera: int) -> np.ndarray:
    """Projection of the object benchmark: ``P2 R0_rect Tr_velo_to_cam`` for camera 2.

    Args:
        path: ``calib/000000.txt``.
        camera: 2 for the left colour camera, 3 for the right one.

    Returns:
        ``(3, 4)``, from a point in the LiDAR frame to ``(u w, v w, w)``.

    Raises:
        BadSampleError: If the file is missing or incomplete, or one of its matrices is singular.
    """
    lines = read_calib(path)
    return _chain(
        _matrix(lines, f'P{camera}', (3, 4), path),
        _matrix(lines, 'R0_rect', (3, 3), path),
        _matrix(lines, 'Tr_velo_to_cam', (3, 4), path),
    )


def raw_projection(folder: str | Path, camera: int) -> np.ndarray:
    """Projection of the raw recordings: ``P_rect_02 R_rect_00 [R | T]`` for camera 2.

    Args:
        folder: Folder of a day, with ``calib_cam_to_cam.txt`` and ``calib_velo_to_cam.txt``.
        camera: 0 to 3.

    Returns:
        ``(3, 4)``, from a point in the LiDAR frame to ``(u w, v w, w)``.

    Raises:
        BadSampleError: As in :func:`object_projection`.
    """
    cameras_path, lidar_path = (
        Path(folder) / f'calib_{name}.txt' for name in ('cam_to_cam', 'velo_to_cam')
    )
    cameras, lidar = read_calib(cameras_path), read_calib(lidar_path)
    mount = np.eye(4)
    mount[:3, :3] = _matrix(lidar, 'R', (3, 3), lidar_path)[:3, :3]
    mount[:3, 3] = _numbers(lidar, 'T', (3,), lidar_path)
    return _chain(
        _matrix(cameras, f'P_rect_{camera:02d}', (3, 4), cameras_path),
        _matrix(cameras, 'R_rect_00', (3, 3), cameras_path),
        mount,
    )


def _chain(projection: np.ndarray, rectification: np.ndarray, mount: np.ndarray) -> np.ndarray:
    return (projection @ rectification @ mount)[:3]


def _numbers(
    lines: dict[str, np.ndarray], key: str, shape: tuple[int, ...], path: str | Path
) -> np.ndarray:
    values = lines.get(key)
    if values is None or values.size != np.prod(shape):
        got = 'no such line' if values is None else f'{values.size} numbers'
        raise BadSampleError(f'{path}: {key} should have {np.prod(shape)} numbers, got {got}.')
    return values.reshape(shape)


def _matrix(
    lines: dict[str, np.ndarray], key: str, shape: tuple[int, int], path: str | Path
) -> np.ndarray:
    return as_matrix(_numbers(lines, key, shape, path), f'{path}: {key}')


LAYOUTS = ('object', 'raw')


@DATASETS.register_module()
class KITTIPairs(PairDataset):
    """Sweeps of KITTI and the images of its colour cameras.

    The LiDAR frame is Velodyne's: x forward, y left, z up; intensities are in [0, 1]. Two layouts
    are read as they are downloaded::

        object   <data_root>/{velodyne,image_2,calib}/000000.*
        raw      <data_root>/<day>/calib_{cam_to_cam,velo_to_cam}.txt
                 <data_root>/<day>/<drive>/{velodyne_points,image_02}/data/0000000000.*

    Args:
        data_root: For the object benchmark the folder of its training or testing part. Defaults to
            'data/kitti/training'.
        layout: ``'object'`` or ``'raw'``. Defaults to 'object'.
        ann_file: Text file with one frame per line, e.g. ImageSets/train.txt: ``000000``, or
            ``<day>/<drive>/0000000000``. Defaults to '', every frame that has a sweep.
        cameras: ``'image_2'`` (left colour camera), ``'image_3'`` (right); raw recordings have
            ``'image_0'`` and ``'image_1'`` (grey) too. Defaults to ('image_2',).
        **kwargs: See :class:`PairDataset`: ``fraction`` (by sample; a drive is a scene),
            ``pipeline``, ...

    Raises:
        ConfigError: If the folder or the list is missing, or a key is none of these.
    """

    how_to_get = (
        'get the left colour images, Velodyne points and calibration of the object benchmark from '
        'https://www.cvlibs.net/datasets/kitti and unpack them side by side.'
    )

    def __init__(
        self,
        data_root: str = 'data/kitti/training',
        layout: str = 'object',
        ann_file: str = '',
        cameras: Sequence[str] = ('image_2',),
        **kwargs: Any,
    ) -> None:
        if layout not in LAYOUTS:
            raise ConfigError(f'KITTIPairs layout={layout!r}: expected one of {LAYOUTS}.')
        wrong = [name for name in cameras if not re.fullmatch('image_[0-3]', name)]
        if wrong or not cameras:
            raise ConfigError(
                f"KITTIPairs cameras={tuple(cameras)}: expected 'image_2' or the like."
            )
        self.layout = layout
        super().__init__(data_root=data_root, ann_file=ann_file, cameras=cameras, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry for each frame, by name."""
        if self.ann_file:
            listed = Path(find_file('ann_file', self.ann_file, self.data_root))
            names = listed.read_text(encoding='utf-8').split()
        else:
            root = Path(self.data_root)
            pattern = (
                'velodyne/*.bin' if self.layout == 'object' else '*/*/velodyne_points/data/*.bin'
            )
            found = (path.relative_to(root) for path in root.glob(pattern))
            names = sorted(
                p.stem if self.layout == 'object' else f'{p.parts[0]}/{p.parts[1]}/{p.stem}'
                for p in found
            )
        return [self._entry(name) for name in names]

    def complete(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return an entry whose cameras know their projection ``lidar2img (3, 4)``."""
        read = object_projection if self.layout == 'object' else raw_projection
        cameras = [
            {**camera, 'lidar2img': read(info['calib_path'], int(camera['name'][-1]))}
            for camera in info['cameras']
        ]
        return {**info, 'cameras': cameras}

    def _entry(self, name: str) -> dict[str, Any]:
        root = Path(self.data_root)
        if self.layout == 'object':
            points, calib = root / 'velodyne' / f'{name}.bin', root / 'calib' / f'{name}.txt'
            images = [root / camera / f'{name}.png' for camera in self.cameras]
        else:
            if name.count('/') != 2:
                raise ConfigError(
                    f'KITTIPairs ann_file={self.ann_file!r}: {name!r} is no <day>/<drive>/<frame>.'
                )
            day, drive, frame = name.split('/')
            points = root / day / drive / 'velodyne_points' / 'data' / f'{frame}.bin'
            calib = root / day
            images = [
                root / day / drive / f'image_{int(camera[-1]):02d}' / 'data' / f'{frame}.png'
                for camera in self.cameras
            ]
        return dict(
            sample_id=name,
            scene=name.rpartition('/')[0] or name,
            points_path=str(points),
            num_features=4,
            calib_path=str(calib),
            cameras=[dict(name=c, path=str(p)) for c, p in zip(self.cameras, images)],
        )
