"""KITTI: sweeps and colour pictures of the object benchmark or of the raw recordings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.registry import DATASETS

from mrd_plugin.datasets.lidar.kitti_calib import object_projection, raw_projection
from mrd_plugin.datasets.lidar.pair_dataset import PairDataset
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import find_file

LAYOUTS = ('object', 'raw')


@DATASETS.register_module()
class KITTIPairs(PairDataset):
    """Sweeps of KITTI and the pictures of its colour cameras.

    The LiDAR frame is Velodyne's: x forward, y to the left, z up; intensities are in [0, 1]. Two layouts
    are read as they are downloaded::

        object   <data_root>/{velodyne,image_2,calib}/000000.*
        raw      <data_root>/<day>/calib_{cam_to_cam,velo_to_cam}.txt
                 <data_root>/<day>/<drive>/{velodyne_points,image_02}/data/0000000000.*

    Args:
        data_root (str): For the object benchmark the folder of its training or testing part.
            Defaults to 'data/kitti/training'.
        layout (str): ``'object'`` or ``'raw'``. Defaults to 'object'.
        ann_file (str): Text file with one frame a line, e.g. ImageSets/train.txt: ``000000``, or
            ``<day>/<drive>/0000000000``. Defaults to '', every frame that has a sweep.
        cameras (Sequence[str]): ``'image_2'`` (left colour camera), ``'image_3'`` (right); raw
            recordings have ``'image_0'`` and ``'image_1'`` (grey) too. Defaults to ('image_2',).
        **kwargs: See :class:`PairDataset`: ``fraction`` (by sample; a drive is a scene), ``pipeline``, ...

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
        """An entry whose cameras know their projection ``lidar2img (3, 4)``."""
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
            pictures = [root / camera / f'{name}.png' for camera in self.cameras]
        else:
            if name.count('/') != 2:
                raise ConfigError(
                    f'KITTIPairs ann_file={self.ann_file!r}: {name!r} is no <day>/<drive>/<frame>.'
                )
            day, drive, frame = name.split('/')
            points = root / day / drive / 'velodyne_points' / 'data' / f'{frame}.bin'
            calib = root / day
            pictures = [
                root / day / drive / f'image_{int(camera[-1]):02d}' / 'data' / f'{frame}.png'
                for camera in self.cameras
            ]
        return dict(
            sample_id=name,
            scene=name.rpartition('/')[0] or name,
            points_path=str(points),
            num_features=4,
            calib_path=str(calib),
            cameras=[dict(name=c, path=str(p)) for c, p in zip(self.cameras, pictures)],
        )
