"""The embedded sample: 28 frames of the Zenseact Open Dataset with a class for each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import DATASETS

from mrd_plugin.datasets.lidar.files import read_image
from mrd_plugin.datasets.lidar.pair_dataset import PairDataset
from mrd_plugin.utils.errors import BadSampleError, ConfigError

CLASSES = ('background', 'vehicle', 'sign', 'human')
# Classes of the files: background, ignore, vehicle, sign, cyclist, pedestrian. The two kinds of
# humans are one class, as in the sample's own list of classes to train: a list of eight frames has
# few of each.
_LABEL_OF_PIXEL = np.array([0, -1, 1, 2, 3, 3])
# The sensor's place in steps: forward, down, to the right.
_CENTRE = np.array([0, 127, 127])


@DATASETS.register_module()
class ZODSamplePairs(PairDataset):
    """28 real frames, camera and LiDAR, made by ``tools/prepare/zod_sample.py`` (CC BY-SA 4.0).

    **The coordinates are relative.** The files give each point, at the pixel that sees it, as three
    numbers of 8 bits, without saying how long a step is. Points beyond that range were put on its
    border; they are left out here (7 % of all). The axes share one step, because a camera with one
    focal length explains all three; and the road lies 4 steps below the sensor in each of the 28
    frames, where a sensor on a roof is about 2 m high, which makes a step about half a metre. So
    ``step`` gives a street the right size, and nothing more: the points are not metric, not exact
    to better than a step, and must not be compared with other data.

    The LiDAR frame is x forward, y to the left, z up. There is no intensity: it is 1 for all
    points, and occupancy queries get none. Each point has the class of its pixel; 'ignore' is -1.

    Args:
        data_root: Folder of the sample. Defaults to 'data/zod_sample'.
        split: The sample's own lists: ``'train'`` (8 frames), ``'validation'`` (4), ``'test'`` (the
            10 of ``'test_day_fair'``, ``'test_day_rain'``, ``'test_night_fair'``,
            ``'test_night_rain'`` and ``'test_snow'``), ``'rest'`` (6 that are in none of these),
            ``'all'`` (28); several are joined. Defaults to 'train'.
        step: Length of a step, nominally in metres. Defaults to 0.5.
        **kwargs: See :class:`PairDataset`: ``fraction``, ``pipeline``, ...

    Raises:
        ConfigError: If the folder is missing or there is no such list.
    """

    how_to_get = 'run `python tools/prepare/zod_sample.py`.'
    classes = CLASSES

    def __init__(
        self,
        data_root: str = 'data/zod_sample',
        split: str | Sequence[str] = 'train',
        step: float = 0.5,
        **kwargs: Any,
    ) -> None:
        self.split = (split,) if isinstance(split, str) else tuple(split)
        self.step = step
        super().__init__(data_root=data_root, cameras=('camera',), **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry for each frame of the lists, in their order."""
        names: dict[str, None] = {}
        for split in self.split:
            names.update(dict.fromkeys(self._names(split)))
        return [self._entry(name) for name in names]

    def _names(self, split: str) -> list[str]:
        root = Path(self.data_root)
        if split == 'test':
            lists = sorted(path.stem for path in root.glob('test_*.txt'))
            return [name for part in lists for name in self._names(part)]
        if split == 'rest':
            listed = {n for part in ('train', 'validation', 'test') for n in self._names(part)}
            return [name for name in self._names('all') if name not in listed]
        path = root / f'{split}.txt'
        if not path.is_file():
            known = sorted(path.stem for path in root.glob('*.txt'))
            raise ConfigError(
                f'ZODSamplePairs split={split!r}: {path} does not exist, expected one of {known}.'
            )
        return [Path(line).stem for line in path.read_text(encoding='utf-8').split()]

    def _entry(self, name: str) -> dict[str, Any]:
        root = Path(self.data_root)
        return dict(
            sample_id=name,
            scene=name,
            step=self.step,
            projected_path=str(root / 'lidar_png' / f'{name}.png'),
            labels_path=str(root / 'annotation_camera_only' / f'{name}.png'),
            cameras=[dict(name='camera', path=str(root / 'camera' / f'{name}.png'))],
        )


def read_projected(info: dict[str, Any]) -> dict[str, np.ndarray]:
    """Points of an entry of :class:`ZODSamplePairs`, whose LiDAR is given as an image.

    Returns:
        ``points (N, 4)`` float32, x, y, z in nominal metres and intensity 1; ``pixels (N, 2)``, row
        and column of each in the only image, int64; ``point_labels (N,)`` int64.

    Raises:
        BadSampleError: If a file is missing or broken, or their sizes differ.
    """
    steps, classes = read_image(info['projected_path']), read_image(info['labels_path'], 'L')
    if steps.shape[:2] != classes.shape or classes.max() >= len(_LABEL_OF_PIXEL):
        raise BadSampleError(
            f'{info["labels_path"]}: expected classes 0 to {len(_LABEL_OF_PIXEL) - 1} in the size '
            f'{steps.shape[:2]} of the LiDAR image, got up to {classes.max()} in {classes.shape}.'
        )
    inside = (steps[..., 0] < 255) & ((steps[..., 1:] > 0) & (steps[..., 1:] < 255)).all(axis=2)
    rows, columns = (inside & steps.any(axis=2)).nonzero()
    if not len(rows):
        raise BadSampleError(f'{info["projected_path"]}: it has zero points.')
    forward, down, right = (steps[rows, columns].astype(np.float32) - _CENTRE).T
    ones = np.ones(len(rows))
    xyz = np.stack([forward, -right, -down], axis=1) * info['step']
    return dict(
        points=np.column_stack([xyz, ones]).astype(np.float32),
        pixels=np.stack([rows, columns], axis=1),
        point_labels=_LABEL_OF_PIXEL[classes[rows, columns]],
    )
