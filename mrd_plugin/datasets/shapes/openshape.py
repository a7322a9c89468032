"""The training sets of OpenShape (Objaverse, ShapeNet, ABO, 3D-FUTURE), and Objaverse-LVIS."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.registry import DATASETS

from mrd_plugin.datasets.shapes.labelled_clouds import OPENSHAPE_META, LabelledClouds
from mrd_plugin.datasets.shapes.shape_dataset import ShapeDataset
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import find_file, read_json

OPENSHAPE_PREFIX = '/mnt/data/objaverse-processed/merged_for_training_final'
"""Folder that every ``data_path`` of the published split files starts with."""


@DATASETS.register_module()
class OpenShapeDataset(ShapeDataset):
    """Shapes of OpenShape's split files (Liu et al., NeurIPS 2023).

    A split file is a JSON list of ``{id, dataset, group, data_path}``. Its files are OpenShape's
    pickled dicts (``.npy``, read without running the pickle) or our own ``.npz``. They are y-up:
    use ``SwapYZ``.

    Args:
        data_root: Folder that holds ``Objaverse/``, ``ShapeNet/``, ... and ``meta_data/``.
        ann_file: Split file, below ``data_root`` or anywhere. Defaults to
            'meta_data/split/train_all.json'.
        path_prefix: How the start of each ``data_path`` is replaced, ``{old: new}``. Defaults to
            None: the prefix of the published files becomes ``data_root``.
        holdout: Share of the shapes, chosen by a checksum of their ids, that is the part 'val'. The
            published splits have no validation part. Defaults to 0.0.
        part: ``'train'`` for all but the held-out shapes, ``'val'`` for these alone. Defaults to
            'train'.
        gpt_filter_file: JSON ``{id: {"flag": "Y" | "N"}}``; N rejects the raw text of an Objaverse
            shape. Defaults to 'meta_data/gpt4_filtering.json'; None for no filter.
        **kwargs: See :class:`ShapeDataset`.

    Raises:
        ConfigError: If the data, the split or the filter are missing.
    """

    file_up_axis = 'y'
    how_to_get = (
        'fetch the data set OpenShape/openshape-training-data from Hugging Face (about 205 GB, 300 '
        'GB unpacked) so that it holds <data_root>/Objaverse/000-000/<id>.npy and '
        '<data_root>/meta_data/split/train_all.json, or train on the embedded furniture: '
        '`python tools/train.py configs/mrd/pointbert_furniture.py`.'
    )

    def __init__(
        self,
        data_root: str = 'data/openshape',
        ann_file: str = 'meta_data/split/train_all.json',
        path_prefix: Mapping[str, str] | None = None,
        gpt_filter_file: str | None = 'meta_data/gpt4_filtering.json',
        holdout: float = 0.0,
        part: str = 'train',
        **kwargs: Any,
    ) -> None:
        if not 0 <= holdout < 1 or part not in ('train', 'val'):
            raise ConfigError(
                f'{type(self).__name__} holdout={holdout}, part={part!r}: expected a share in [0, '
                '1) and '
                "'train' or 'val'."
            )
        self.holdout = holdout
        self.part = part
        self.path_prefix = dict(path_prefix or {OPENSHAPE_PREFIX: data_root})
        self.gpt_filter_file = gpt_filter_file
        super().__init__(data_root=data_root, ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry for each row of the split file; texts and features are in the shape's file."""
        rejected: set[str] = set()
        if self.gpt_filter_file is not None:
            path = find_file('gpt_filter_file', self.gpt_filter_file, self.data_root)
            flags = read_json(path)
            rejected = {uid for uid, entry in flags.items() if entry['flag'] == 'N'}
        rows = read_json(self.ann_file)
        needed = {'id', 'dataset', 'group', 'data_path'}
        if not isinstance(rows, list) or (rows and not needed <= set(rows[0])):
            raise ConfigError(
                f'{self.ann_file} is no OpenShape split file: expected a list of {sorted(needed)}.'
            )
        entries = [
            dict(
                sample_id=row['id'],
                path=remap(row['data_path'], self.path_prefix, self.data_root),
                group=row['group'],
                category=None,
                label=-1,
                raw_text_ok=row['id'] not in rejected,
            )
            for row in rows
            if self._is_held_out(row['id']) == (self.part == 'val')
        ]
        self._check_paths([entry['path'] for entry in entries])
        return entries

    def _is_held_out(self, uid: str) -> bool:
        return zlib.crc32(uid.encode()) < self.holdout * 2**32

    def _check_paths(self, paths: list[str]) -> None:
        """Tell a wrong prefix, with which no file is found, from a few missing files."""
        probes = paths[:: max(1, len(paths) // 20)]
        if probes and not any(Path(path).is_file() for path in probes):
            raise ConfigError(
                f'{type(self).__name__} path_prefix={self.path_prefix}: none of {len(probes)} '
                'files '
                f'tried from {self.ann_file} is there (first: {probes[0]}); set path_prefix to '
                '{start of data_path: folder where the files are}.'
            )


@DATASETS.register_module()
class ObjaverseLVISDataset(LabelledClouds):
    """Objaverse-LVIS: 46,832 coloured shapes of 1,156 classes, sorted by name.

    Args:
        data_root: OpenShape's folder. Defaults to 'data/openshape'.
        ann_file: List of ``{uid, category, group, data_path}``. Defaults to
            'meta_data/split/lvis.json'.
        path_prefix: As in :class:`OpenShapeDataset`.
        class_feat_file: Defaults to 'meta_data/lvis_cat_name_pt_feat.npy'.
        **kwargs: See :class:`LabelledClouds`. ``test_mode`` is True unless given.
    """

    how_to_get = OPENSHAPE_META
    # Each shape has a file of its own, which LoadShape reads.
    complete = ShapeDataset.complete

    def __init__(
        self,
        data_root: str = 'data/openshape',
        ann_file: str = 'meta_data/split/lvis.json',
        path_prefix: Mapping[str, str] | None = None,
        class_feat_file: str | None = 'meta_data/lvis_cat_name_pt_feat.npy',
        **kwargs: Any,
    ) -> None:
        self.path_prefix = dict(path_prefix or {OPENSHAPE_PREFIX: data_root})
        kwargs.setdefault('test_mode', True)
        super().__init__(
            data_root=data_root, ann_file=ann_file, class_feat_file=class_feat_file, **kwargs
        )

    def load_data_list(self) -> list[dict]:
        """One entry per shape."""
        rows = read_json(self.ann_file)
        categories = [row['category'] for row in rows]
        self.set_classes(tuple(sorted(set(categories))))
        self.warn_unknown(categories)
        return [
            self.entry(
                row['uid'],
                remap(row['data_path'], self.path_prefix, self.data_root),
                row['category'],
            )
            for row in rows
        ]


def remap(path: str, prefixes: Mapping[str, str], root: str) -> str:
    """Replace the start of a path; a relative path is one below ``root``.

    Args:
        path: Path of a split file.
        prefixes: ``{old: new}``; the longest old one that fits is replaced.
        root: Folder of relative paths.
    """
    for old in sorted(prefixes, key=len, reverse=True):
        stem = old.rstrip('/')
        if path == stem or path.startswith(stem + '/'):
            return prefixes[old].rstrip('/') + path[len(stem) :]
    return path if Path(path).is_absolute() else str(Path(root) / path)
