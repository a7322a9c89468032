"""ModelNet40 as OpenShape tests it (zero-shot), and with its training part (classification)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import DATASETS

from mrd_plugin.datasets.shapes.labelled_clouds import (
    OPENSHAPE_META,
    LabelledClouds,
    names_of_labels,
    read_h5,
)
from mrd_plugin.datasets.shapes.shape_file import check_points
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.files import find_file, read_json
from mrd_plugin.utils.safe_pickle import load_npy, load_pickled_npy

MODELNET40_COUNTS = {'train': 9843, 'test': 2468}


@DATASETS.register_module()
class ModelNet40Dataset(LabelledClouds):
    """ModelNet40's test split: 2,468 shapes of 40 classes, without colour (0.4).

    Args:
        data_root: Folder of the files. Defaults to 'data/openshape/meta_data/modelnet40'.
        ann_file: List of ``{name, category}``. Defaults to 'test_split.json'.
        cloud_file: Object array of ``{xyz, rgb}``. Defaults to 'test_pc.npy'.
        class_feat_file: Dict of the classes' text features; its sorted keys are the classes.
            Defaults to 'cat_name_pt_feat.npy'; None takes the categories of the list.
        **kwargs: See :class:`LabelledClouds`. ``test_mode`` is True unless given.
    """

    how_to_get = OPENSHAPE_META

    def __init__(
        self,
        data_root: str = 'data/openshape/meta_data/modelnet40',
        ann_file: str = 'test_split.json',
        cloud_file: str = 'test_pc.npy',
        class_feat_file: str | None = 'cat_name_pt_feat.npy',
        **kwargs: Any,
    ) -> None:
        self.cloud_file = cloud_file
        kwargs.setdefault('test_mode', True)
        super().__init__(
            data_root=data_root, ann_file=ann_file, class_feat_file=class_feat_file, **kwargs
        )

    def load_data_list(self) -> list[dict]:
        """One entry per shape; all points are read."""
        categories = [row['category'] for row in read_json(self.ann_file)]
        if self.class_feat_file is not None:
            path = find_file('class_feat_file', self.class_feat_file, self.data_root)
            self.set_classes(tuple(sorted(load_pickled_npy(path))))
        self.set_classes(tuple(sorted(set(categories))))
        path = find_file('cloud_file', self.cloud_file, self.data_root)
        try:
            self.clouds = [cloud['xyz'] for cloud in load_npy(path)]
        except (TypeError, KeyError, IndexError) as error:
            raise BadSampleError(
                f'{path}: expected an object array of dicts with xyz; got something else ({error}).'
            ) from error
        return self.entries(path, categories, Path(path).parent.name)


@DATASETS.register_module()
class ModelNet40Classification(LabelledClouds):
    """ModelNet40, 9,843 training and 2,468 test shapes of 40 classes.

    Two usual forms are read, whichever lies in ``data_root``:

    - ``modelnet40_normal_resampled``: ``modelnet40_shape_names.txt``,
      ``modelnet40_{train,test}.txt``
      and ``<class>/<class>_0001.txt``, 10,000 lines of ``x,y,z,nx,ny,nz``; normals are not used;
    - ``modelnet40_ply_hdf5_2048``: ``shape_names.txt``, ``{train,test}_files.txt`` and the ``.h5``
      files that these name, with ``data (n, 2048, 3)`` and ``label (n, 1)``. Needs h5py.

    Args:
        data_root: The folder. Defaults to 'data/modelnet40_normal_resampled'.
        split: ``'train'`` or ``'test'``. Defaults to 'train'.
        **kwargs: See :class:`LabelledClouds`. ``cache_in_memory=True`` reads each text file once.
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
        """One entry per shape; of the HDF5 form all points are read."""
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

    def load_shape(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return the points of one shape.

        Raises:
            BadSampleError: If they can't be used.
        """
        return super().load_shape(info) if self.hdf5 else dict(xyz=read_text_points(info['path']))

    def _from_h5(self, names: list[str]) -> list[dict]:
        files = [Path(self.data_root) / Path(line).name for line in _lines(self.ann_file)]
        parts = [read_h5(file, ('data', 'label')) for file in files]
        self.clouds = np.concatenate([points for points, _ in parts])
        entries: list[dict] = []
        for file, (_, labels) in zip(files, parts):
            for place, name in enumerate(names_of_labels(labels, names, file)):
                entries.append(self.entry(f'{file.stem}-{place:04d}', file, name, len(entries)))
        self.warn_unknown([entry['category'] for entry in entries])
        return entries


def read_text_points(path: str | Path) -> np.ndarray:
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
