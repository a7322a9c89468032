"""Keyframes of nuScenes: a sweep and six images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import DATASETS

from mrd_plugin.datasets.lidar.geometry import as_matrix, lidar_to_camera
from mrd_plugin.datasets.lidar.pair_dataset import PairDataset
from mrd_plugin.datasets.lidar.splits import scene_of_samples, scenes_of
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import find_file, read_infos

CAMERAS = (
    'CAM_FRONT',
    'CAM_FRONT_RIGHT',
    'CAM_BACK_RIGHT',
    'CAM_BACK',
    'CAM_BACK_LEFT',
    'CAM_FRONT_LEFT',
)
_FASTEST = 60.0  # metres a second; no vehicle of nuScenes comes near


@DATASETS.register_module()
class NuScenesPairs(PairDataset):
    """Keyframe sweeps of nuScenes and the images around them, from MMDetection3D's info files.

    MMDetection3D itself isn't needed. The LiDAR frame is nuScenes': x to the right, y forward, z
    up. ``lidar2cam`` of the info files includes the way that the vehicle went between sweep and
    image; a file whose images hold ``ego2global``, the pose at their own time, is followed from
    frame to frame instead.

    Args:
        data_root: Folder of nuScenes. Defaults to 'data/nuscenes'.
        ann_file: Info file of MMDetection3D 1.1 or later, a pickle of plain data that is read
            without running it. Defaults to 'nuscenes_infos_train.pkl'.
        split: ``'all'`` of the file, or of these the scenes of ``'train'``, ``'val'``, ``'test'``,
            ``'parametrize'`` (600 of the 700 training scenes) or ``'verify'`` (the other 100); all
            but 'all' need nuScenes' tables and nuscenes-devkit. Defaults to 'all'.
        version: Folder of the tables. Defaults to None: what the info file says.
        cameras: Cameras to use. Defaults to all six, clockwise from the front.
        data_prefix: Folders below ``data_root`` of the sweeps (``pts``) and of each camera.
            Defaults to None: 'samples/LIDAR_TOP', 'samples/CAM_FRONT', ...
        intensity_scale: Factor on the intensities, 0 to 255 in the files. Defaults to 1 / 255.
        **kwargs: See :class:`PairDataset`: ``fraction`` (by scene), ``min_depth``, ``pipeline``,
            ...

    Attributes:
        info_version: Version of the data, once the list is read.

    Raises:
        ConfigError: If the folder or the tables are missing, or the info file is of another kind.
    """

    fraction_unit = 'scene'
    fraction_keeps_last = True
    how_to_get = (
        'get nuScenes (v1.0-mini is enough to begin with) and make its info files as '
        "MMDetection3D's documentation says (docs/en/advanced_guides/datasets/nuscenes.md)."
    )

    def __init__(
        self,
        data_root: str = 'data/nuscenes',
        ann_file: str = 'nuscenes_infos_train.pkl',
        split: str = 'all',
        version: str | None = None,
        cameras: Sequence[str] = CAMERAS,
        data_prefix: Mapping[str, str] | None = None,
        intensity_scale: float = 1 / 255,
        **kwargs: Any,
    ) -> None:
        self.split = split
        self.version = version
        folders = {'pts': 'samples/LIDAR_TOP', **{name: f'samples/{name}' for name in cameras}}
        super().__init__(
            data_root=data_root,
            ann_file=ann_file,
            cameras=cameras,
            data_prefix={**folders, **(data_prefix or {})},
            intensity_scale=intensity_scale,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """One entry for each keyframe of the split, scene after scene."""
        self.ann_file = find_file('ann_file', self.ann_file, self.data_root)
        infos = read_infos(self.ann_file)
        rows = infos['data_list']
        if rows:
            self._check_motion(rows[0])
        version = self.version or str(infos.get('metainfo', {}).get('version', 'v1.0-trainval'))
        self.info_version = version
        if self.split == 'all' and not (self.fraction < 1 and self.fraction_unit == 'scene'):
            return [self._entry(row, '') for row in rows]
        scenes = scene_of_samples(Path(self.data_root) / version)
        wanted = None if self.split == 'all' else scenes_of(self.split, version)
        place = {token: index for index, token in enumerate(scenes)}
        self._check_tokens(rows, place, version)
        rows = sorted(rows, key=lambda row: place[row['token']])
        named = [(row, scenes[row['token']]) for row in rows]
        return [self._entry(*pair) for pair in named if wanted is None or pair[1] in wanted]

    def complete(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return an entry whose cameras know their projection ``lidar2img (3, 4)``."""
        cameras = []
        for camera in info['cameras']:
            name = f'{camera["name"]} of sample {info["sample_id"]}'
            lidar2cam = self._lidar2cam(info, camera, name)
            cam2img = as_matrix(camera['cam2img'], f'cam2img of {name}')
            cameras.append({**camera, 'lidar2img': (cam2img @ lidar2cam)[:3]})
        return {**info, 'cameras': cameras}

    def _entry(self, row: dict[str, Any], scene: str) -> dict[str, Any]:
        try:
            points, root = row['lidar_points'], Path(self.data_root)
            cameras = []
            for name in self.cameras:
                image = row['images'][name]
                path = str(root / self.data_prefix[name] / image['img_path'])
                kept = ('cam2img', 'lidar2cam', 'cam2ego', 'ego2global')
                matrices = {key: image[key] for key in kept if key in image}
                token = (
                    {'token': image['sample_data_token']} if 'sample_data_token' in image else {}
                )
                cameras.append(dict(name=name, path=path, **token, **matrices))
            return dict(
                sample_id=str(row['token']),
                scene=scene,
                points_path=str(root / self.data_prefix['pts'] / points['lidar_path']),
                num_features=int(points['num_pts_feats']),
                lidar2ego=points.get('lidar2ego'),
                ego2global=row.get('ego2global'),
                cameras=cameras,
            )
        except KeyError as error:
            raise ConfigError(
                f'{self.ann_file}: a row has no {error}, expected token, lidar_points and images '
                f'of {self.cameras}; set cameras or make the file again.'
            ) from error

    @staticmethod
    def _lidar2cam(info: dict[str, Any], camera: dict[str, Any], name: str) -> np.ndarray:
        if 'ego2global' not in camera:
            return as_matrix(camera.get('lidar2cam', ()), f'lidar2cam of {name}')
        return lidar_to_camera(
            as_matrix(info['lidar2ego'], f'lidar2ego of {name}'),
            as_matrix(info['ego2global'], f'ego2global of {name}'),
            as_matrix(camera['ego2global'], f'the pose of {name}'),
            as_matrix(camera['cam2ego'], f'cam2ego of {name}'),
        )

    def _check_tokens(self, rows: list[dict], known: Mapping[str, int], version: str) -> None:
        strange = next((row.get('token') for row in rows if row.get('token') not in known), None)
        if strange is not None:
            raise ConfigError(
                f'{self.ann_file}: its keyframe {strange} is not in the tables of {version}; set '
                'version to that of the info file.'
            )

    def _check_motion(self, row: dict[str, Any]) -> None:
        """Stop at an info file with shifted ``lidar2cam``, as early MMDetection3D 1.x wrote them.

        The way of the vehicle that is hidden in it must be one that it can have gone in the time.
        """
        for name in self.cameras:
            image = row.get('images', {}).get(name, {})
            if not {'lidar2cam', 'cam2ego', 'timestamp'} <= set(image):
                continue
            moved = (
                as_matrix(image['cam2ego'], f'cam2ego of {name}')
                @ as_matrix(image['lidar2cam'], f'lidar2cam of {name}')
                @ np.linalg.inv(as_matrix(row['lidar_points']['lidar2ego'], 'lidar2ego'))
            )
            way = float(np.linalg.norm(moved[:3, 3]))
            seconds = abs(row['timestamp'] - image['timestamp'])
            if way > 0.2 + _FASTEST * seconds:
                raise ConfigError(
                    f'{self.ann_file}: by its lidar2cam of {name} the vehicle moved {way:.2f} m in '
                    f'{seconds:.3f} s: its projections are wrong, as in files of early 1.x of '
                    'MMDetection3D; make it again with a later one.'
                )
