"""The embedded data set: 820 named furniture shapes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import DATASETS

from mrd_plugin.datasets.shapes.shape_dataset import ShapeDataset
from mrd_plugin.datasets.shapes.text_image_policy import Candidates, Texts
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import read_json


@DATASETS.register_module()
class FurnitureDataset(ShapeDataset):
    """The folder that ``tools/prepare/furniture.py`` writes.

    The name (with its prompts) is the raw text, captions are the captions. The label is the index
    of the head noun among the classes, -1 for the nouns that are too rare. Files are y-up: use
    ``SwapYZ``.

    Args:
        data_root: Folder with ``index.json``. Defaults to 'data/furniture'.
        ann_file: Split file, JSON ``{"train": [ids], "val": [ids], "test": [ids]}``.
        split: Part of the split file, or several. Defaults to 'train'.
        text_fraction: Share of the shapes that keep their texts; the others have none. The shapes
            are the same in every run, and a smaller share is part of a larger one. Defaults to 1.0.
        text_seed: Which shapes these are. Defaults to 0.
        views: Take the rendered views as images and the catalogue's image as the thumbnail.
            Defaults to False: that image is the only one.
        name_prompts: Prompts with one ``{}`` that are filled with the name and join it as raw
            texts. Defaults to (), the name alone.
        **kwargs: See :class:`ShapeDataset`: ``classes``, ``pipeline``, ``cache_in_memory``, ...

    Raises:
        ConfigError: If the folder, the split or an id of it is missing.
    """

    file_up_axis = 'y'
    how_to_get = 'make it with `python tools/prepare/furniture.py`.'

    def __init__(
        self,
        data_root: str = 'data/furniture',
        ann_file: str = 'configs/_base_/datasets/furniture_splits/default.json',
        split: str | Sequence[str] = 'train',
        text_fraction: float = 1.0,
        text_seed: int = 0,
        name_prompts: Sequence[str] = (),
        views: bool = False,
        **kwargs: Any,
    ) -> None:
        if not 0 <= text_fraction <= 1:
            raise ConfigError(f'FurnitureDataset text_fraction={text_fraction}: expected 0 to 1.')
        self.split = (split,) if isinstance(split, str) else tuple(split)
        self.text_fraction = text_fraction
        self.text_seed = text_seed
        self.name_prompts = tuple(name_prompts)
        self.views = views
        super().__init__(data_root=data_root, ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry for each id of the split, in its order."""
        index = Path(self.data_root) / 'index.json'
        if not index.is_file():
            raise ConfigError(
                f'{index} is missing, the folder is not complete; run `python '
                'tools/prepare/furniture.py` again, it continues where it stopped.'
            )
        records = {record['id']: record for record in read_json(index)}
        ids = self._split_ids()
        unknown = [i for i in ids if i not in records]
        if unknown:
            raise ConfigError(
                f'{self.ann_file} names {len(unknown)} shapes that {index} does not have (first: '
                f'{unknown[0]}); prepare the data again.'
            )
        axes = {records[i].get('up_axis', 'y') for i in ids}
        if axes - {self.file_up_axis}:
            raise ConfigError(
                f'{index} says up_axis={sorted(axes)}, expected {self.file_up_axis!r}; set '
                'file_up_axis to what the files are.'
            )
        unseen = [i for i in ids if not records[i].get('views')] if self.views else []
        if unseen:
            raise ConfigError(
                f'FurnitureDataset views=True, but {index} names no views of {len(unseen)} shapes '
                f'(first: {unseen[0]}); render them with `python tools/prepare/furniture.py '
                '--views 12`.'
            )
        silent = self._without_text(ids)
        return [self._entry(records[i], i not in silent) for i in ids]

    def _split_ids(self) -> list[str]:
        splits = read_json(self.ann_file)
        missing = [name for name in self.split if name not in splits]
        if missing:
            raise ConfigError(
                f'FurnitureDataset split={self.split}: {self.ann_file} has {sorted(splits)}.'
            )
        return [i for name in self.split for i in splits[name]]

    def _without_text(self, ids: Sequence[str]) -> set[str]:
        """Ids that lose their texts: the tail of one fixed random order."""
        order = np.random.RandomState(self.text_seed).permutation(len(ids))
        keep = round(self.text_fraction * len(ids))
        in_order = sorted(ids)
        return {in_order[i] for i in order[keep:]}

    def _entry(self, record: dict[str, Any], with_text: bool) -> dict[str, Any]:
        root = Path(self.data_root)
        image = str(root / record['image'])
        texts = Candidates(dataset='Furniture', images=[image])
        if self.views:
            views = [str(root / view) for view in record['views']]
            texts = Candidates(dataset='Furniture', images=views, thumbnail=image)
        if with_text:
            name = record['name']
            texts.raw = Texts([name, *(prompt.format(name) for prompt in self.name_prompts)])
            texts.captions = Texts(record['captions'])
        return dict(
            sample_id=record['id'],
            path=str(root / record['shape']),
            name=record['name'],
            category=record['noun'],
            label=self.label_of(record['noun']),
            size=max(record['size_cm']) / 100,
            candidates=texts,
        )
