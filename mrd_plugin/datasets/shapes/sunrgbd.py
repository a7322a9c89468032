"""Rooms of SUN RGB-D: the points of a depth image and the photograph taken with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import DATASETS

from mrd_plugin.datasets.shapes.shape_dataset import ShapeDataset
from mrd_plugin.datasets.shapes.shape_file import check_points
from mrd_plugin.datasets.shapes.text_image_policy import Candidates
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.files import read_infos


@DATASETS.register_module()
class SUNRGBDPairs(ShapeDataset):
    """Point clouds and photographs of SUN RGB-D, read from the files that MMDetection3D prepares.

    MMDetection3D itself isn't needed. Points are in its depth frame, in metres: x right, y forward,
    z up, the camera at the origin; colours in [0, 1]. Each sample knows ``depth2img (3, 3)`` and
    ``image_size`` (width, height), with which :class:`~mrd_plugin.datasets.transforms.FrustumCrop`
    cuts image and points alike. Rooms have neither names nor texts.

    Args:
        data_root: Folder with the info files. Defaults to 'data/sunrgbd'.
        ann_file: Info file of MMDetection3D 1.1 or later, a pickle of plain data that is read
            without running it. Defaults to 'sunrgbd_infos_train.pkl'.
        data_prefix: Folders of points (``pts``) and images (``img``) below ``data_root``.
            Defaults to None: those of MMDetection3D, 'points' and 'sunrgbd_trainval/image'.
        camera: Which image. Defaults to 'CAM0'.
        **kwargs: See :class:`ShapeDataset`: ``pipeline``, ``cache_in_memory``, ...

    Raises:
        ConfigError: If the folder is missing or the info file is of another kind.
    """

    file_up_axis = 'z'
    how_to_get = (
        "prepare it as MMDetection3D's documentation says "
        '(docs/en/advanced_guides/datasets/sunrgbd.md), '
        'so that it holds points/, sunrgbd_trainval/image/ and sunrgbd_infos_train.pkl.'
    )

    def __init__(
        self,
        data_root: str = 'data/sunrgbd',
        ann_file: str = 'sunrgbd_infos_train.pkl',
        data_prefix: Mapping[str, str] | None = None,
        camera: str = 'CAM0',
        **kwargs: Any,
    ) -> None:
        self.camera = camera
        prefix = dict(data_prefix or dict(pts='points', img='sunrgbd_trainval/image'))
        super().__init__(data_root=data_root, ann_file=ann_file, data_prefix=prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry for each row of the info file."""
        return [self._entry(info) for info in read_infos(self.ann_file)['data_list']]

    def _entry(self, info: dict[str, Any]) -> dict[str, Any]:
        try:
            points, image = info['lidar_points'], info['images'][self.camera]
            root = Path(self.data_root)
            name = Path(points['lidar_path']).stem
            return dict(
                sample_id=name,
                path=str(root / self.data_prefix['pts'] / points['lidar_path']),
                name=name,
                category=None,
                label=-1,
                num_features=int(points['num_pts_feats']),
                depth2img=np.array(image['depth2img'], dtype=np.float32),
                image_size=(int(image['width']), int(image['height'])),
                candidates=Candidates(
                    dataset='SUNRGBD',
                    images=[str(root / self.data_prefix['img'] / image['img_path'])],
                ),
            )
        except KeyError as error:
            raise ConfigError(
                f'{self.ann_file}: a row has no {error}, expected lidar_points and '
                f'images.{self.camera}; set camera or make the file again.'
            ) from error

    def load_shape(self, info: dict[str, Any]) -> dict[str, Any]:
        """Points of one room: ``xyz (N, 3)`` and, with six numbers per point, ``rgb (N, 3)``.

        Raises:
            BadSampleError: If the file is missing or is not made of whole points.
        """
        path, width = info['path'], info['num_features']
        try:
            numbers = np.fromfile(path, dtype=np.float32)
        except FileNotFoundError:
            raise BadSampleError(
                f'{path}: there is no such file, {self.ann_file} names it.'
            ) from None
        if numbers.size % width:
            raise BadSampleError(
                f'{path}: {numbers.size} numbers are no whole points of num_pts_feats={width} '
                'numbers; it is truncated, get it again.'
            )
        table = numbers.reshape(-1, width)
        xyz, rgb = check_points(table[:, :3], table[:, 3:6] if width >= 6 else None, path)
        return dict(xyz=xyz) if rgb is None else dict(xyz=xyz, rgb=rgb)

    def complete(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return an entry with its points, from memory or from its file."""
        fields = self._cache.get(info['sample_id'])
        return {**(self.load_shape(info) if fields is None else fields), **info}
