"""The base of all data sets of shapes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mmengine.logging import print_log
from tqdm import tqdm

from mrd_plugin.datasets.bad_samples import BadSampleDataset
from mrd_plugin.datasets.shapes.shape_file import shape_fields
from mrd_plugin.datasets.transforms import ColourDrop, PackImageText, RandomRotationZ
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.files import find_file, read_json


class ShapeDataset(BadSampleDataset):
    """A data set of shapes: classes, up axis and the colour of "no colour".

    Bad samples are skipped, named and counted, see :class:`BadSampleDataset`. A sub-class writes
    ``load_data_list``; each entry holds ``sample_id``, ``path`` and what else the transforms read
    (``name``, ``category``, ``label``, ``candidates``). Its ``file_up_axis`` is the up axis of its
    files.

    ``metainfo`` holds ``classes``, ``up_axis`` and ``no_colour`` as the network sees them.

    Args:
        classes: Class names in their order, or a JSON file with a list of them. Defaults to (), no
            classes.
        up_axis: Up axis of the points that leave the pipeline, ``'x'``, ``'y'`` or ``'z'``; the
            pipeline must deliver it. Defaults to 'z'.
        file_up_axis: Up axis of the files. Defaults to None, what the data set knows of its files.
        no_colour: Colour of points without colour. Defaults to 0.4.
        cache_in_memory: Read all points once and keep them: 15 bytes per point with uint8 colours,
            24 with float colours. Defaults to False.
        labelled_only: Keep only the samples whose category is one of the classes, for training a
            classifier. Defaults to False.
        **kwargs: See :class:`BadSampleDataset`.

    Raises:
        ConfigError: If a key contradicts another; the message names both.
    """

    file_up_axis = 'z'

    def __init__(
        self,
        classes: Sequence[str] | str = (),
        up_axis: str = 'z',
        file_up_axis: str | None = None,
        no_colour: float = 0.4,
        cache_in_memory: bool = False,
        labelled_only: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(classes, str):
            classes = read_json(find_file('classes', classes, kwargs.get('data_root')))
        self.classes = tuple(classes)
        self.class_index = {name: i for i, name in enumerate(self.classes)}
        if len(self.class_index) != len(self.classes):
            raise ConfigError(f'{type(self).__name__} classes: a name occurs twice.')
        self.up_axis = up_axis
        if file_up_axis is not None:
            self.file_up_axis = file_up_axis
        self.no_colour = no_colour
        self.cache_in_memory = cache_in_memory
        self.labelled_only = labelled_only
        self._cache: dict[str, dict[str, Any]] = {}
        super().__init__(**kwargs)

    @property
    def metainfo(self) -> dict:
        """Meta information: ``classes``, ``up_axis``, ``no_colour`` and what was given."""
        geometry = dict(classes=self.classes, up_axis=self.up_axis, no_colour=self.no_colour)
        return {**super().metainfo, **geometry}

    def full_init(self) -> None:
        """Check the config, read the list of samples and fill the cache.

        Raises:
            ConfigError: If the data are not there or keys contradict each other.
        """
        if self._fully_initialized:
            return
        self.check_data_root()
        self.ann_file = find_file('ann_file', self.ann_file, self.data_root)
        self._check_geometry()
        super().full_init()
        if self.cache_in_memory:
            self._fill_cache()

    def filter_data(self) -> list[dict]:
        """Return the list as loaded, or its labelled samples; an empty one is an error."""
        kept = self.data_list
        if self.labelled_only:
            kept = [entry for entry in kept if entry['label'] >= 0]
        if not kept:
            kind = 'sample of one of the classes' if self.labelled_only else 'sample'
            raise ConfigError(
                f'{type(self).__name__} ann_file={self.ann_file!r}: it lists no {kind}; check the '
                'file and the split.'
            )
        return kept

    def label_of(self, category: str | None) -> int:
        """Index of a category among the classes; -1 if it is none of them."""
        return -1 if category is None else self.class_index.get(category, -1)

    def warn_unknown(self, categories: Sequence[str]) -> None:
        """Name and count categories that are not among the classes, once for a list of samples."""
        unknown = Counter(name for name in categories if name not in self.class_index)
        if unknown:
            named = ', '.join(f'{name!r} ({count})' for name, count in unknown.most_common(10))
            print_log(
                f'{type(self).__name__}: {sum(unknown.values())} of {len(categories)} samples have '
                f'a category that is none of the {len(self.classes)} classes: {named}; their label '
                'is -1 and they are not scored.',
                logger='current',
                level=logging.WARNING,
            )

    def load_shape(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return what the file of one entry adds to it: ``xyz (N, 3)``, ``rgb (N, 3)``, ...

        Raises:
            BadSampleError: If the file can't be used.
        """
        return shape_fields(info['path'])

    def complete(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return an entry with its shape, if that is in memory; else ``LoadShape`` reads it."""
        return {**self._cache.get(info['sample_id'], {}), **info}

    def get_data_info(self, idx: int) -> dict:
        """Return the entry of one sample."""
        return {**super().get_data_info(idx), 'no_colour': self.no_colour}

    def _check_geometry(self) -> None:
        """Compare ``up_axis`` and ``no_colour`` with what the pipeline does."""
        axis = self.file_up_axis
        for transform in self.pipeline.transforms:
            axis = getattr(transform, 'up_axis_map', {}).get(axis, axis)
            if isinstance(transform, ColourDrop) and transform.value != self.no_colour:
                raise ConfigError(
                    f'ColourDrop value={transform.value} contradicts no_colour={self.no_colour} of '
                    f'{type(self).__name__}; give both the same number.'
                )
            if isinstance(transform, RandomRotationZ) and axis != 'z':
                raise ConfigError(
                    f'RandomRotationZ turns about z, but the points of {type(self).__name__} are '
                    f"{axis}-up there; put dict(type='SwapYZ') before it or leave it out."
                )
        has_points = not any(isinstance(t, PackImageText) for t in self.pipeline.transforms)
        if self.pipeline.transforms and has_points and axis != self.up_axis:
            raise ConfigError(
                f'{type(self).__name__} up_axis={self.up_axis!r}, but its points are '
                f'{self.file_up_axis}-up when read and the pipeline makes them {axis}-up; '
                f"add or remove dict(type='SwapYZ'), or set up_axis={axis!r}."
            )

    def _fill_cache(self) -> None:
        """Read all shapes; one that can't be read is left to the pipeline, which reports it."""
        infos = (self.get_data_info(i) for i in range(len(self)))
        for info in tqdm(infos, total=len(self), desc='reading shapes', disable=None, leave=False):
            try:
                fields = self.load_shape(info)
            except BadSampleError:
                continue
            for key in ('xyz', 'rgb'):
                if key in fields:
                    fields[key].flags.writeable = False
            self._cache[info['sample_id']] = fields
