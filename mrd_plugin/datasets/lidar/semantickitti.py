"""SemanticKITTI: sweeps of KITTI's odometry with a class for each point."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.registry import DATASETS

from mrd_plugin.datasets.lidar.files import label_table
from mrd_plugin.datasets.lidar.pair_dataset import LabelledSweeps
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import find_file, read_infos

# Class of the single-scan benchmark -> numbers of the files; from 252 on they are moving things.
CLASSES: dict[str, tuple[int, ...]] = {
    'car': (10, 252),
    'bicycle': (11,),
    'motorcycle': (15,),
    'truck': (18, 258),
    'other-vehicle': (13, 16, 20, 256, 257, 259),
    'person': (30, 254),
    'bicyclist': (31, 253),
    'motorcyclist': (32, 255),
    'road': (40, 60),
    'parking': (44,),
    'sidewalk': (48,),
    'other-ground': (49,),
    'building': (50,),
    'fence': (51,),
    'vegetation': (70,),
    'trunk': (71,),
    'terrain': (72,),
    'pole': (80,),
    'traffic-sign': (81,),
}
IGNORED = (0, 1, 52, 99)
SEQUENCES = {
    'train': ('00', '01', '02', '03', '04', '05', '06', '07', '09', '10'),
    'val': ('08',),
}


@DATASETS.register_module()
class SemanticKITTI(LabelledSweeps):
    """Sweeps of SemanticKITTI with the 19 classes of its single-scan benchmark.

    The LiDAR frame is Velodyne's: x forward, y to the left, z up; intensities are in [0, 1]. The
    folders are read as they are downloaded, ``sequences/00/{velodyne,labels}/000000.{bin,label}``,
    or an info file of MMDetection3D says which sweeps.

    Args:
        data_root: Folder with ``sequences``. Defaults to 'data/semantickitti'.
        split: ``'train'`` (sequences 00 to 07, 09, 10) or ``'val'`` (08), if there is no
            ``ann_file``. Defaults to 'train'.
        ann_file: Info file of MMDetection3D 1.1 or later, read without running it. Defaults to '',
            the folders.
        data_prefix: Folders below ``data_root`` that the paths of an info file start from, of
            sweeps (``pts``) and of labels (``pts_semantic_mask``). Defaults to None: ``data_root``.
        **kwargs: See :class:`PairDataset`: ``fraction`` (by sweep: 0.01 is every 100th, the first
            of them the first), ``pipeline``, ...

    Raises:
        ConfigError: If the folder or a file is missing, or a key is none of these.
    """

    classes = tuple(CLASSES)
    label_table = label_table(CLASSES, IGNORED)
    label_dtype = 'uint32'
    how_to_get = (
        'get the Velodyne point clouds of KITTI odometry and the labels of '
        'http://semantic-kitti.org and unpack both there.'
    )

    def __init__(
        self,
        data_root: str = 'data/semantickitti',
        split: str = 'train',
        ann_file: str = '',
        data_prefix: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in SEQUENCES:
            raise ConfigError(f'SemanticKITTI split={split!r}: expected one of {tuple(SEQUENCES)}.')
        self.split = split
        super().__init__(
            data_root=data_root,
            ann_file=ann_file,
            data_prefix={'pts': '', 'pts_semantic_mask': '', **(data_prefix or {})},
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """One entry for each sweep, by sequence and number."""
        files = self._from_infos() if self.ann_file else self._from_folders()
        entries = [
            dict(
                sample_id=f'{points.parent.parent.name}/{points.stem}',
                scene=points.parent.parent.name,
                points_path=str(points),
                point_labels_path=str(labels),
                num_features=4,
                cameras=[],
            )
            for points, labels in files
        ]
        return sorted(entries, key=lambda entry: entry['points_path'])

    def _from_folders(self) -> list[tuple[Path, Path]]:
        found: list[tuple[Path, Path]] = []
        for sequence in SEQUENCES[self.split]:
            folder = Path(self.data_root) / 'sequences' / sequence
            sweeps = sorted((folder / 'velodyne').glob('*.bin'))
            found += [(path, folder / 'labels' / f'{path.stem}.label') for path in sweeps]
        return found

    def _from_infos(self) -> list[tuple[Path, Path]]:
        self.ann_file = find_file('ann_file', self.ann_file, self.data_root)
        root = Path(self.data_root)
        sweeps = root / self.data_prefix['pts']
        labels = root / self.data_prefix['pts_semantic_mask']
        try:
            return [
                (
                    sweeps / row['lidar_points']['lidar_path'],
                    labels / row['pts_semantic_mask_path'],
                )
                for row in read_infos(self.ann_file)['data_list']
            ]
        except (KeyError, TypeError) as error:
            raise ConfigError(
                f'{self.ann_file} is no info file of MMDetection3D 1.1 or later with labels '
                f'({error}); make it again with its tools/create_data.py.'
            ) from error
