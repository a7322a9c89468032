"""Benchmarks of labelled clouds: their base class, and the files that they read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mrd_plugin.datasets.shapes.shape_dataset import ShapeDataset
from mrd_plugin.datasets.shapes.shape_file import check_points
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.files import find_file
from mrd_plugin.utils.safe_pickle import load_npy

OPENSHAPE_META = (
    'fetch meta_data.zip of OpenShape/openshape-training-data from Hugging Face, unpack it and '
    'set data_root to its folder.'
)
"""How to get the files that OpenShape published for its tests."""


class LabelledClouds(ShapeDataset):
    """Base of benchmarks of labelled clouds: classes, a count that is logged, points in one file.

    Their clouds have no colour: a point's colour is the data set's ``no_colour`` (0.4), the value
    that backbones are pre-trained with. (In TAMM's released probes it is 0 there and 0.4 in
    pre-training.) Files are y-up: use ``SwapYZ``.

    Args:
        split: One of ``splits``. Defaults to None, for benchmarks that are only tested.
        class_feat_file: Stored text features of the classes; they become
            ``metainfo['class_features'] (K, D)``, which ``ZeroShotAccuracy`` scores with.
            Defaults to None.
        **kwargs: See :class:`ShapeDataset`.
    """

    file_up_axis = 'y'
    splits: tuple[str, ...] = ('train', 'test')
    expected: dict[str, int] = {}
    """Published number of shapes by split; another one is warned of, since files differ."""
    clouds: np.ndarray | list[np.ndarray] | None = None
    """Points of all shapes, for files that hold many."""

    def __init__(
        self, split: str | None = None, class_feat_file: str | None = None, **kwargs: Any
    ) -> None:
        if split is not None and split not in self.splits:
            raise ConfigError(
                f'{type(self).__name__} split={split!r}: expected one of {self.splits}.'
            )
        self.split = split
        self.class_feat_file = class_feat_file
        super().__init__(**kwargs)

    def full_init(self) -> None:
        """Read the list; log how many shapes it has, and warn where the published count differs."""
        if self._fully_initialized:
            return
        super().full_init()
        count = len(self)
        known = self.expected.get(self.split or '', count)
        part = f', {self.split}' if self.split else ''
        print_log(
            f'{self.title}{part}: N = {count} shapes, {len(self.classes)} classes, from '
            f'{self.ann_file}'
            + ('' if count == known else f'; the published set has {known}, name N beside figures'),
            logger='current',
            level=logging.INFO if count == known else logging.WARNING,
        )
        if self.class_feat_file is not None:
            self._metainfo['class_features'] = self.class_features()

    @property
    def title(self) -> str:
        """Name of the set, for the log."""
        return type(self).__name__

    def set_classes(self, classes: Sequence[str]) -> None:
        """Take the classes from the files, unless the config gave them."""
        if not self.classes:
            self.classes = tuple(classes)
            self.class_index = {name: i for i, name in enumerate(self.classes)}

    def class_features(self) -> np.ndarray:
        """Return stored text features of the classes.

        Returns:
            ``(K, D)`` float32, one row per class, in the order of ``metainfo['classes']``.

        Raises:
            ConfigError: If no file is configured or a class is not in it.
        """
        if self.class_feat_file is None:
            raise ConfigError(f'{type(self).__name__} class_feat_file is not set.')
        path = find_file('class_feat_file', self.class_feat_file, self.data_root)
        return load_class_features(path, self.classes)

    def load_shape(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return the points of one shape.

        Raises:
            BadSampleError: If they can't be used.
        """
        if self.clouds is None:
            return super().load_shape(info)
        xyz, _ = check_points(self.clouds[info['row']], None, f'{info["path"]}[{info["row"]}]')
        return dict(xyz=xyz)

    def complete(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return an entry with its points, from memory or from its file."""
        return {**(self._cache.get(info['sample_id']) or self.load_shape(info)), **info}

    def entry(
        self, sample_id: str, path: str | Path, category: str, row: int | None = None
    ) -> dict[str, Any]:
        """Return one entry of the list."""
        return dict(
            sample_id=sample_id,
            path=str(path),
            name=category,
            category=category,
            label=self.label_of(category),
            **({} if row is None else dict(row=row)),
        )

    def entries(self, path: str | Path, categories: Sequence[str], prefix: str) -> list[dict]:
        """Return one entry for each cloud of a file, of these categories.

        Raises:
            ConfigError: If there are more or fewer clouds than categories.
        """
        count = 0 if self.clouds is None else len(self.clouds)
        if len(categories) != count:
            raise ConfigError(
                f'{path} has {count} point clouds, but {self.ann_file} lists '
                f'{len(categories)} shapes; fetch the two from the same place.'
            )
        self.warn_unknown(categories)
        return [
            self.entry(f'{prefix}-{row:05d}', path, category, row)
            for row, category in enumerate(categories)
        ]


def read_h5(path: str | Path, keys: Sequence[str]) -> list[np.ndarray]:
    """Read arrays of one file, in the order of the keys.

    Args:
        path: The ``.h5`` file.
        keys: Names of arrays at its root.

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


def names_of_labels(labels: np.ndarray, names: Sequence[str], path: str | Path) -> list[str]:
    """Return the class names of labels ``(n,)`` or ``(n, 1)``.

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


def load_class_features(path: str | Path, classes: tuple[str, ...]) -> np.ndarray:
    """Read stored text features of classes.

    Args:
        path: Either a dict ``{class: {"open_clip_text_feat": (1, D)}}`` or an array ``(K, D)`` in
            the order of the sorted class names.
        classes: Class names, in the order wanted.

    Returns:
        ``(K, D)`` float32, not normalised.

    Raises:
        BadSampleError: If the file is damaged.
        ConfigError: If it has no features of a class, or another number of rows.
    """
    content = load_npy(path)
    if content.shape == ():
        table = content.item()
        try:
            rows = [np.asarray(table[name]['open_clip_text_feat']).reshape(-1) for name in classes]
        except KeyError as error:
            raise ConfigError(f'{path} has no text feature of the class {error}.') from error
        except TypeError as error:
            raise BadSampleError(f'{path}: expected a dict of classes ({error}).') from error
        return np.stack(rows).astype(np.float32)
    if content.ndim != 2 or len(content) != len(classes):
        raise ConfigError(
            f'{path} is {content.shape}, expected one row for {len(classes)} classes.'
        )
    order = np.argsort(np.argsort(np.array(classes)))
    return content[order].astype(np.float32)
