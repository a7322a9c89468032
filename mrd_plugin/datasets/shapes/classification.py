"""ModelNet40 and ScanObjectNN with their training parts, in the files that the field passes around.

Both are without colour: a point's colour is the data set's ``no_colour`` (0.4), in training and in
testing, the value that the backbones were pre-trained with. (In TAMM's released probes the colour
is 0 there and 0.4 in pre-training.) Both files are y-up: use ``SwapYZ``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmengine.registry import DATASETS

from mrd_plugin.datasets.shapes.shape_dataset import ShapeDataset
from mrd_plugin.datasets.shapes.shape_file import check_points
from mrd_plugin.datasets.shapes.zero_shot import SCANOBJECTNN_CLASSES
from mrd_plugin.utils.errors import BadSampleError, ConfigError


def read_h5(path: str | Path, keys: Sequence[str]) -> list[np.ndarray]:
    """Read arrays of one file.

    Args:
        path: The ``.h5`` file.
        keys: Names of arrays at its root.

    Returns:
        The arrays, in the order of the keys.

    Raises:
        ConfigError: h5py is not installed.
        BadSampleError: The file is missing or damaged, or lacks a key.
    """
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(
            f'{path}: reading HDF5 files needs h5py; pip install -c requirements/constraints.txt '
            "-e '.[h5]'"
        ) from error
    if not Path(path).is_file():
        raise BadSampleError(f'{path}: there is no such file; fetch it again.')
    try:
        with h5py.File(path, 'r') as file:
            missing = [key for key in keys if key not in file]
            if missing:
                raise BadSampleError(
                    f'{path}: it has no {missing[0]!r}, its keys are {sorted(file)}; expected '
                    f'{list(keys)}.'
                )
            return [file[key][()] for key in keys]
    except OSError as error:
        raise BadSampleError(
            f'{path}: can not be read as HDF5 ({error}); it is truncated or damaged, fetch it '
            'again.'
        ) from error


MODELNET40_COUNTS = {'train': 9843, 'test': 2468}
SCANOBJECTNN_COUNTS = {
    'OBJ_ONLY': {'train': 2309, 'test': 581},
    'OBJ_BG': {'train': 2309, 'test': 581},
    'PB_T50_RS': {'train': 11416, 'test': 2882},
}
_SCANOBJECTNN_FILES = {
    'OBJ_ONLY': ('main_split_nobg', ''),
    'OBJ_BG': ('main_split', ''),
    'PB_T50_RS': ('main_split', '_augmentedrot_scale75'),
}


class LabelledClouds(ShapeDataset):
    """What data sets of labelled clouds share: a split, a count that is logged, points without colour.

    Args:
        split: One of ``splits``. Defaults to 'train'.
        **kwargs: See :class:`ShapeDataset`.
    """

    file_up_axis = 'y'
    splits: tuple[str, ...] = ('train', 'test')
    expected: dict[str, int]
    clouds: np.ndarray | None = None
    """Points of all shapes ``(N, P, 3)``, for files that hold many."""

    def __init__(self, split: str = 'train', **kwargs: Any) -> None:
        if split not in self.splits:
            raise ConfigError(
                f'{type(self).__name__} split={split!r}: expected one of {self.splits}.'
            )
        self.split = split
        super().__init__(**kwargs)

    def full_init(self) -> None:
        """Read the list; log how many shapes it has, and warn where the published count differs."""
        if self._fully_initialized:
            return
        super().full_init()
        count, known = len(self), self.expected[self.split]
        print_log(
            f'{self.title}, {self.split}: N = {count} shapes, {len(self.classes)} classes, from '
            f'{self.ann_file}'
            + ('' if count == known else f'; the published set has {known}, name N beside figures'),
            logger='current',
            level=logging.INFO if count == known else logging.WARNING,
        )

    @property
    def title(self) -> str:
        """Name of the set, for the log."""
        return type(self).__name__

    def set_classes(self, classes: Sequence[str]) -> None:
        """Take the classes from the files, unless the config gave them."""
        if not self.classes:
            self.classes = tuple(classes)
            self.class_index = {name: i for i, name in enumerate(self.classes)}

    def load_shape(self, info: dict[str, Any]) -> dict[str, Any]:
        """Points of one shape.

        Raises:
            BadSampleError: If they can't be used.
        """
        if self.clouds is None:
            return dict(xyz=read_points(info['path']))
        xyz, _ = check_points(self.clouds[info['row']], None, f'{info["path"]}[{info["row"]}]')
        return dict(xyz=xyz)

    def complete(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return an entry with its points."""
        shape = self._cache.get(info['sample_id']) or self.load_shape(info)
        return {**shape, **info}

    def entry(
        self, sample_id: str, path: str | Path, category: str, row: int = 0
    ) -> dict[str, Any]:
        """One entry of the list."""
        return dict(
            sample_id=sample_id,
            path=str(path),
            row=row,
            name=category,
            category=category,
            label=self.label_of(category),
        )


@DATASETS.register_module()
class ModelNet40Classification(LabelledClouds):
    """ModelNet40, 9,843 training and 2,468 test shapes of 40 classes.

    Two usual forms are read, whichever lies in ``data_root``:

    - ``modelnet40_normal_resampled``: ``modelnet40_shape_names.txt``, ``modelnet40_{train,test}.txt``
      and ``<class>/<class>_0001.txt``, 10,000 lines of ``x,y,z,nx,ny,nz``; normals are not used;
    - ``modelnet40_ply_hdf5_2048``: ``shape_names.txt``, ``{train,test}_files.txt`` and the ``.h5``
      files that these name, with ``data (n, 2048, 3)`` and ``label (n, 1)``. Needs h5py.

    Args:
        data_root: The folder. Defaults to 'data/modelnet40_normal_resampled'.
        split: ``'train'`` or ``'test'``. Defaults to 'train'.
        **kwargs: See :class:`ShapeDataset`. ``cache_in_memory=True`` reads each text file once.
    """

    expected = MODELNET40_COUNTS
    how_to_get = (
        'fetch modelnet40_normal_resampled (1.6 GB) or modelnet40_ply_hdf5_2048 (416 MB), unpack '
        'it and set data_root to the folder.'
    )

    def __init__(
        self,
        data_root: str = 'data/modelnet40_normal_resampled',
        split: str = 'train',
        **kwargs: Any,
    ) -> None:
        self.hdf5 = (Path(data_root) / f'{split}_files.txt').is_file()
        ann_file = f'{split}_files.txt' if self.hdf5 else f'modelnet40_{split}.txt'
        super().__init__(split=split, data_root=data_root, ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry a shape; of the HDF5 form all points are read."""
        root = Path(self.data_root)
        names = root / ('shape_names.txt' if self.hdf5 else 'modelnet40_shape_names.txt')
        if not names.is_file():
            raise ConfigError(f'{names}: there is no such list of classes; {self.how_to_get}')
        self.set_classes(_lines(names))
        if self.hdf5:
            return self._from_h5(_lines(names))
        ids = _lines(self.ann_file)
        categories = [name.rpartition('_')[0] for name in ids]
        self.warn_unknown(categories)
        return [
            self.entry(name, root / category / f'{name}.txt', category)
            for name, category in zip(ids, categories)
        ]

    def _from_h5(self, names: list[str]) -> list[dict]:
        files = [Path(self.data_root) / Path(line).name for line in _lines(self.ann_file)]
        parts = [read_h5(file, ('data', 'label')) for file in files]
        self.clouds = np.concatenate([points for points, _ in parts])
        entries: list[dict] = []
        for file, (_, labels) in zip(files, parts):
            for place, name in enumerate(_named(labels, names, file)):
                entries.append(self.entry(f'{file.stem}-{place:04d}', file, name, len(entries)))
        self.warn_unknown([entry['category'] for entry in entries])
        return entries


@DATASETS.register_module()
class ScanObjectNNClassification(LabelledClouds):
    """ScanObjectNN's scans of real objects: 15 classes, 2,048 points each.

    Args:
        data_root: Folder ``h5_files`` with ``main_split`` and ``main_split_nobg``. Defaults to
            'data/scanobjectnn/h5_files'.
        split: ``'train'`` or ``'test'``. Defaults to 'train'.
        variant: ``'OBJ_ONLY'`` (background removed; 2,309 and 581 shapes), ``'OBJ_BG'`` (with
            background; as many) or ``'PB_T50_RS'`` (boxes shifted by half, turned and scaled;
            11,416 and 2,882). Defaults to 'PB_T50_RS', the hardest.
        **kwargs: See :class:`ShapeDataset`.
    """

    how_to_get = (
        'ask the authors of ScanObjectNN for h5_files.zip '
        '(https://hkust-vgd.github.io/scanobjectnn), '
        'unpack it and set data_root to its folder h5_files.'
    )

    def __init__(
        self,
        data_root: str = 'data/scanobjectnn/h5_files',
        split: str = 'train',
        variant: str = 'PB_T50_RS',
        **kwargs: Any,
    ) -> None:
        if variant not in _SCANOBJECTNN_FILES:
            raise ConfigError(
                f'ScanObjectNNClassification variant={variant!r}: expected one of '
                f'{sorted(_SCANOBJECTNN_FILES)}.'
            )
        self.variant = variant
        self.expected = SCANOBJECTNN_COUNTS[variant]
        folder, suffix = _SCANOBJECTNN_FILES[variant]
        stem = 'training' if split == 'train' else 'test'
        ann_file = f'{folder}/{stem}_objectdataset{suffix}.h5'
        super().__init__(split=split, data_root=data_root, ann_file=ann_file, **kwargs)

    @property
    def title(self) -> str:
        """Name of the set and the variant."""
        return f'ScanObjectNN {self.variant}'

    def load_data_list(self) -> list[dict]:
        """One entry a shape; all points are read."""
        self.clouds, labels = read_h5(self.ann_file, ('data', 'label'))
        self.set_classes(SCANOBJECTNN_CLASSES)
        names = _named(labels, SCANOBJECTNN_CLASSES, self.ann_file)
        self.warn_unknown(names)
        prefix = f'{self.variant.lower()}-{self.split}'
        return [
            self.entry(f'{prefix}-{row:05d}', self.ann_file, name, row)
            for row, name in enumerate(names)
        ]


def read_points(path: str | Path) -> np.ndarray:
    """Points ``(N, 3)`` float32 of a text file with lines ``x,y,z[,...]``.

    Raises:
        BadSampleError: The file is missing or holds something else.
    """
    try:
        xyz = np.loadtxt(path, delimiter=',', dtype=np.float32, usecols=(0, 1, 2), ndmin=2)
    except OSError as error:
        raise BadSampleError(f'{path}: there is no such file; fetch the data again.') from error
    except (ValueError, IndexError) as error:
        raise BadSampleError(f'{path}: expected lines of x,y,z,... ({error}).') from error
    return check_points(xyz, None, path)[0]


def _lines(path: str | Path) -> list[str]:
    return [line.strip() for line in Path(path).read_text().splitlines() if line.strip()]


def _named(labels: np.ndarray, names: Sequence[str], path: str | Path) -> list[str]:
    """Class names of labels ``(n,)`` or ``(n, 1)``.

    Raises:
        ConfigError: A label is out of range.
    """
    numbers = np.asarray(labels).reshape(-1).astype(np.int64)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(names):
        raise ConfigError(
            f'{path}: labels span {numbers.min()} to {numbers.max()}, expected 0 to '
            f'{len(names) - 1}.'
        )
    return [names[number] for number in numbers]
