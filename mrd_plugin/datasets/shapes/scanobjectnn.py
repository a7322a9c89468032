"""ScanObjectNN as OpenShape tests it (zero-shot), and with its training part (classification)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.registry import DATASETS

from mrd_plugin.datasets.shapes.labelled_clouds import (
    OPENSHAPE_META,
    LabelledClouds,
    names_of_labels,
    read_h5,
)
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.safe_pickle import load_pickled_npy

SCANOBJECTNN_CLASSES = (
    'bag', 'bin', 'box', 'cabinet', 'chair', 'desk', 'display', 'door', 'shelf', 'table', 'bed',
    'pillow', 'sink', 'sofa', 'toilet',
)  # fmt: skip
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


@DATASETS.register_module()
class ScanObjectNNDataset(LabelledClouds):
    """ScanObjectNN objects: 15 classes, 2,048 points each, without colour (0.4).

    The paper of OpenShape speaks of 581 test shapes (OBJ_ONLY), the file it ships is reported to
    hold 2,890; the number found is logged and belongs beside every accuracy.

    Args:
        data_root: Folder of the files. Defaults to 'data/openshape/meta_data/scanobjectnn'.
        ann_file: Dict of ``xyz (N, 2048, 3)`` and ``label (N,)``. Defaults to 'xyz_label.npy'.
        class_feat_file: Defaults to 'cat_name_pt_feat.npy'.
        **kwargs: See :class:`LabelledClouds`. ``test_mode`` is True unless given.
    """

    how_to_get = OPENSHAPE_META

    def __init__(
        self,
        data_root: str = 'data/openshape/meta_data/scanobjectnn',
        ann_file: str = 'xyz_label.npy',
        class_feat_file: str | None = 'cat_name_pt_feat.npy',
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault('test_mode', True)
        super().__init__(
            data_root=data_root, ann_file=ann_file, class_feat_file=class_feat_file, **kwargs
        )

    def load_data_list(self) -> list[dict]:
        """One entry per shape; all points are read."""
        content = load_pickled_npy(self.ann_file)
        self.set_classes(SCANOBJECTNN_CLASSES)
        self.clouds = list(content['xyz'])
        categories = names_of_labels(content['label'], SCANOBJECTNN_CLASSES, self.ann_file)
        return self.entries(self.ann_file, categories, Path(self.ann_file).parent.name)


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
        **kwargs: See :class:`LabelledClouds`.
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
        """One entry per shape; all points are read."""
        self.clouds, labels = read_h5(self.ann_file, ('data', 'label'))
        self.set_classes(SCANOBJECTNN_CLASSES)
        names = names_of_labels(labels, SCANOBJECTNN_CLASSES, self.ann_file)
        return self.entries(self.ann_file, names, f'{self.variant.lower()}-{self.split}')
