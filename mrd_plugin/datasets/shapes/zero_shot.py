"""Test sets for zero-shot classification, in the files that OpenShape published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mmengine
import numpy as np
from mmengine.logging import print_log
from mmengine.registry import DATASETS

from mrd_plugin.datasets.shapes.openshape import OPENSHAPE_PREFIX, remap
from mrd_plugin.datasets.shapes.shape_dataset import ShapeDataset
from mrd_plugin.datasets.shapes.shape_file import check_points
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.files import find_file
from mrd_plugin.utils.safe_pickle import load_npy, load_pickled_npy

SCANOBJECTNN_CLASSES = (
    'bag', 'bin', 'box', 'cabinet', 'chair', 'desk', 'display', 'door', 'shelf', 'table', 'bed',
    'pillow', 'sink', 'sofa', 'toilet',
)  # fmt: skip


class ZeroShotDataset(ShapeDataset):
    """What the three test sets share.

    The number of shapes is logged, since files in circulation differ. Files are y-up: use
    ``SwapYZ``. A pipeline follows OpenShape with ``SamplePoints(10000, seed=...)``: a shuffle of
    10,000 stored points, and a draw with replacement from the 2,048 of ScanObjectNN.

    Args:
        class_feat_file: Stored text features of the classes; they become
            ``metainfo['class_features'] (K, D)``, which ``ZeroShotAccuracy`` scores with. Defaults
            to None.
        **kwargs: See :class:`ShapeDataset`. ``test_mode`` is True unless given.
    """

    file_up_axis = 'y'
    how_to_get = (
        'fetch meta_data.zip of OpenShape/openshape-training-data from Hugging Face, unpack it and '
        'set data_root to its folder.'
    )

    def __init__(self, class_feat_file: str | None = None, **kwargs: Any) -> None:
        self.class_feat_file = class_feat_file
        kwargs.setdefault('test_mode', True)
        super().__init__(**kwargs)

    def full_init(self) -> None:
        """Read the list and log how many shapes it has."""
        if not self._fully_initialized:
            super().full_init()
            print_log(
                f'{type(self).__name__}: N = {len(self)} shapes, {len(self.classes)} classes, from '
                f'{self.ann_file}',
                logger='current',
            )
            if self.class_feat_file is not None:
                self._metainfo['class_features'] = self.class_features()

    def set_classes(self, classes: tuple[str, ...]) -> None:
        """Take the classes from the files, unless the config gave them."""
        if not self.classes:
            self.classes = classes
            self.class_index = {name: i for i, name in enumerate(classes)}

    def class_features(self) -> np.ndarray:
        """Return stored text features of the classes.

        Returns:
            ``(K, D)`` float32, one row a class, in the order of ``metainfo['classes']``.

        Raises:
            ConfigError: If no file is configured or a class is not in it.
        """
        if self.class_feat_file is None:
            raise ConfigError(f'{type(self).__name__} class_feat_file is not set.')
        path = find_file('class_feat_file', self.class_feat_file, self.data_root)
        return load_class_features(path, self.classes)


@DATASETS.register_module()
class ObjaverseLVISDataset(ZeroShotDataset):
    """Objaverse-LVIS: 46,832 coloured shapes of 1,156 classes, sorted by name.

    Args:
        data_root: OpenShape's folder. Defaults to 'data/openshape'.
        ann_file: List of ``{uid, category, group, data_path}``. Defaults to
            'meta_data/split/lvis.json'.
        path_prefix: As in :class:`OpenShapeDataset`.
        class_feat_file: Defaults to 'meta_data/lvis_cat_name_pt_feat.npy'.
        **kwargs: See :class:`ZeroShotDataset`.
    """

    def __init__(
        self,
        data_root: str = 'data/openshape',
        ann_file: str = 'meta_data/split/lvis.json',
        path_prefix: Mapping[str, str] | None = None,
        class_feat_file: str | None = 'meta_data/lvis_cat_name_pt_feat.npy',
        **kwargs: Any,
    ) -> None:
        self.path_prefix = dict(path_prefix or {OPENSHAPE_PREFIX: data_root})
        super().__init__(
            data_root=data_root, ann_file=ann_file, class_feat_file=class_feat_file, **kwargs
        )

    def load_data_list(self) -> list[dict]:
        """One entry a shape."""
        rows = mmengine.load(self.ann_file)
        categories = [row['category'] for row in rows]
        self.set_classes(tuple(sorted(set(categories))))
        self.warn_unknown(categories)
        return [
            dict(
                sample_id=row['uid'],
                path=remap(row['data_path'], self.path_prefix, self.data_root),
                name=row['category'],
                category=row['category'],
                label=self.label_of(row['category']),
            )
            for row in rows
        ]


class _CloudsInOneFile(ZeroShotDataset):
    """Test sets whose points lie in one file; without colour, as OpenShape tests them."""

    clouds: list[np.ndarray]

    def load_shape(self, info: dict[str, Any]) -> dict[str, Any]:
        """Points of one shape."""
        xyz, _ = check_points(self.clouds[info['row']], None, f'{info["path"]}[{info["row"]}]')
        return dict(xyz=xyz)

    def complete(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return an entry with its points."""
        return {**self.load_shape(info), **info}

    def entries(self, path: str, categories: list[str]) -> list[dict]:
        """One entry for each cloud of a file."""
        if len(categories) != len(self.clouds):
            raise ConfigError(
                f'{path} has {len(self.clouds)} point clouds, but {self.ann_file} lists '
                f'{len(categories)} shapes; fetch the two from the same place.'
            )
        self.warn_unknown(categories)
        return [
            dict(
                sample_id=f'{Path(path).parent.name}-{row:05d}',
                path=path,
                row=row,
                name=category,
                category=category,
                label=self.label_of(category),
            )
            for row, category in enumerate(categories)
        ]


@DATASETS.register_module()
class ModelNet40Dataset(_CloudsInOneFile):
    """ModelNet40's test split: 2,468 shapes of 40 classes, without colour (0.4).

    Args:
        data_root: Folder of the files. Defaults to 'data/openshape/meta_data/modelnet40'.
        ann_file: List of ``{name, category}``. Defaults to 'test_split.json'.
        cloud_file: Object array of ``{xyz, rgb}``. Defaults to 'test_pc.npy'.
        class_feat_file: Dict of the classes' text features; its sorted keys are the classes.
            Defaults to 'cat_name_pt_feat.npy'; None takes the categories of the list.
        **kwargs: See :class:`ZeroShotDataset`.
    """

    def __init__(
        self,
        data_root: str = 'data/openshape/meta_data/modelnet40',
        ann_file: str = 'test_split.json',
        cloud_file: str = 'test_pc.npy',
        class_feat_file: str | None = 'cat_name_pt_feat.npy',
        **kwargs: Any,
    ) -> None:
        self.cloud_file = cloud_file
        super().__init__(
            data_root=data_root, ann_file=ann_file, class_feat_file=class_feat_file, **kwargs
        )

    def load_data_list(self) -> list[dict]:
        """One entry a shape; all points are read."""
        categories = [row['category'] for row in mmengine.load(self.ann_file)]
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
        return self.entries(path, categories)


@DATASETS.register_module()
class ScanObjectNNDataset(_CloudsInOneFile):
    """ScanObjectNN objects: 15 classes, 2,048 points each, without colour (0.4).

    The paper of OpenShape speaks of 581 test shapes (OBJ_ONLY), the file it ships is reported to
    hold 2,890; the number found is logged and belongs beside every accuracy.

    Args:
        data_root: Folder of the files. Defaults to 'data/openshape/meta_data/scanobjectnn'.
        ann_file: Dict of ``xyz (N, 2048, 3)`` and ``label (N,)``. Defaults to 'xyz_label.npy'.
        class_feat_file: Defaults to 'cat_name_pt_feat.npy'.
        **kwargs: See :class:`ZeroShotDataset`.
    """

    def __init__(
        self,
        data_root: str = 'data/openshape/meta_data/scanobjectnn',
        ann_file: str = 'xyz_label.npy',
        class_feat_file: str | None = 'cat_name_pt_feat.npy',
        **kwargs: Any,
    ) -> None:
        super().__init__(
            data_root=data_root, ann_file=ann_file, class_feat_file=class_feat_file, **kwargs
        )

    def load_data_list(self) -> list[dict]:
        """One entry a shape; all points are read."""
        content = load_pickled_npy(self.ann_file)
        labels = [int(label) for label in np.asarray(content['label']).reshape(-1)]
        last = len(SCANOBJECTNN_CLASSES) - 1
        if labels and not (min(labels) >= 0 and max(labels) <= last):
            raise ConfigError(
                f'{self.ann_file}: labels span {min(labels)} to {max(labels)}, expected 0 to '
                f'{last}.'
            )
        self.set_classes(SCANOBJECTNN_CLASSES)
        self.clouds = list(content['xyz'])
        return self.entries(self.ann_file, [SCANOBJECTNN_CLASSES[label] for label in labels])


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
