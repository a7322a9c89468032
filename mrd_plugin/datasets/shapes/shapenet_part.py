"""ShapeNetPart: shapes of 16 categories with a part for each point."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import DATASETS

from mrd_plugin.datasets.shapes.labelled_clouds import LabelledClouds
from mrd_plugin.datasets.shapes.shape_file import check_points
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.files import read_json

# Category -> number of its parts; the files number all parts through, in this order.
PARTS = {
    'Airplane': 4,
    'Bag': 2,
    'Cap': 2,
    'Car': 4,
    'Chair': 4,
    'Earphone': 3,
    'Guitar': 3,
    'Knife': 2,
    'Lamp': 4,
    'Laptop': 2,
    'Motorbike': 6,
    'Mug': 2,
    'Pistol': 3,
    'Rocket': 3,
    'Skateboard': 3,
    'Table': 3,
}
NUM_PARTS = sum(PARTS.values())
_COUNTS = {'train': 12137, 'val': 1870, 'trainval': 14007, 'test': 2874}


def parts_of(category: str) -> range:
    """Numbers of a category's parts."""
    names = list(PARTS)
    first = sum(PARTS[name] for name in names[: names.index(category)])
    return range(first, first + PARTS[category])


@DATASETS.register_module()
class ShapeNetPart(LabelledClouds):
    """ShapeNetPart in its text form, 14,007 shapes to train on and 2,874 to test.

    Read as it is downloaded (``shapenetcore_partanno_segmentation_benchmark_v0_normal``):
    ``synsetoffset2category.txt``, ``train_test_split/shuffled_{train,val,test}_file_list.json`` and
    ``<synset>/<shape>.txt``, lines of x y z, a normal (not used) and the number of the part, 0 to
    49. A sample's ``label`` is its category, ``point_labels (N,)`` its parts and ``parts`` the
    numbers that its category has. There is no colour, and y is up.

    Args:
        data_root: The folder. Defaults to
            'data/shapenetcore_partanno_segmentation_benchmark_v0_normal'.
        split: ``'train'``, ``'val'``, ``'trainval'`` (what is usually trained on) or ``'test'``.
            Defaults to 'trainval'.
        **kwargs: See :class:`ShapeDataset`. ``classes``: some of the categories, for a part of the
            set.

    Raises:
        ConfigError: If the folder or a list is missing, or a category is none of the 16.
    """

    expected = _COUNTS
    how_to_get = (
        'fetch shapenetcore_partanno_segmentation_benchmark_v0_normal (675 MB) of ShapeNet, unpack '
        'it and set data_root to the folder.'
    )
    splits = tuple(_COUNTS)

    def __init__(
        self,
        data_root: str = 'data/shapenetcore_partanno_segmentation_benchmark_v0_normal',
        split: str = 'trainval',
        classes: Sequence[str] = tuple(PARTS),
        **kwargs: Any,
    ) -> None:
        unknown = sorted(set(classes) - set(PARTS))
        if unknown or not classes:
            raise ConfigError(
                f'ShapeNetPart classes: {unknown} are none of its categories, expected some of '
                f'{tuple(PARTS)}.'
            )
        super().__init__(
            split=split,
            data_root=data_root,
            ann_file='synsetoffset2category.txt',
            classes=classes,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """One entry for each shape of the lists whose category is wanted."""
        category_of = self._categories()
        names = ('train', 'val') if self.split == 'trainval' else (self.split,)
        entries = []
        for name in names:
            path = Path(self.data_root) / 'train_test_split' / f'shuffled_{name}_file_list.json'
            for line in _read_list(path, self.how_to_get):
                synset, shape = Path(line).parts[-2:]
                if synset not in category_of:
                    raise ConfigError(
                        f'{path}: the shape {line!r} is of no category of {self.ann_file}; get '
                        'both again.'
                    )
                category = category_of[synset]
                if category in self.class_index:
                    file = Path(self.data_root) / synset / f'{shape}.txt'
                    entries.append(self.entry(f'{synset}/{shape}', file, category))
        return entries

    def load_shape(self, info: dict[str, Any]) -> dict[str, Any]:
        """Points and parts of one shape.

        Raises:
            BadSampleError: If the file can't be used, or a part is not one of the category's.
        """
        xyz, labels = _read(info['path'])
        parts = parts_of(info['category'])
        strange = labels[(labels < parts.start) | (labels >= parts.stop)]
        if len(strange):
            raise BadSampleError(
                f'{info["path"]}: {len(strange)} of {len(labels)} points have a part such as '
                f'{int(strange[0])}; a {info["category"]} has the parts {parts.start} to '
                f'{parts.stop - 1}.'
            )
        return dict(xyz=xyz, point_labels=labels, parts=np.array(parts))

    def _categories(self) -> dict[str, str]:
        """From the number of a synset to its category."""
        lines = Path(self.ann_file).read_text(encoding='utf-8').split('\n')
        pairs = [line.split() for line in lines if line.strip()]
        wrong = [pair for pair in pairs if len(pair) != 2 or pair[0] not in PARTS]
        if wrong:
            raise ConfigError(
                f'{self.ann_file}: {" ".join(wrong[0])!r} is no category of ShapeNetPart and its '
                'synset; get the file again.'
            )
        return {synset: name for name, synset in pairs}


def _read_list(path: Path, how_to_get: str) -> list[str]:
    try:
        return read_json(path, 'get it again')
    except FileNotFoundError:
        raise ConfigError(f'{path}: there is no such list of shapes; {how_to_get}') from None


def _read(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Points ``(N, 3)`` float32 and their parts ``(N,)`` int64."""
    try:
        table = np.loadtxt(path, dtype=np.float64, ndmin=2)
    except FileNotFoundError as error:
        raise BadSampleError(f'{path}: there is no such file; fetch the data again.') from error
    except ValueError as error:
        raise BadSampleError(f'{path}: it is no table of numbers ({error}).') from error
    if table.shape[1] != 7 or (table[:, 6] % 1).any():
        raise BadSampleError(
            f'{path}: its lines have {table.shape[1]} numbers, expected x y z, a normal and the '
            'whole number of a part.'
        )
    return check_points(table[:, :3], None, path)[0], table[:, 6].astype(np.int64)
