"""A data set of one's own meshes or point clouds, with images and captions."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmengine.registry import DATASETS

from mrd_plugin.datasets.shapes.mesh_file import read_shape_points
from mrd_plugin.datasets.shapes.shape_dataset import ShapeDataset
from mrd_plugin.datasets.shapes.shape_file import check_points
from mrd_plugin.datasets.shapes.text_image_policy import Candidates, Texts
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.files import read_json

METRES = {'m': 1.0, 'dm': 0.1, 'cm': 0.01, 'mm': 0.001, 'inch': 0.0254, 'foot': 0.3048}
TO_Y_UP = {
    'x': np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32),
    'y': np.eye(3, dtype=np.float32),
    'z': np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=np.float32),
}
"""Rotations that bring the named up axis to y."""

_COLUMNS = ('shape', 'id', 'name', 'captions', 'images', 'category')


@DATASETS.register_module()
class ShapeFolderDataset(ShapeDataset):
    """Shapes listed in a CSV or JSON file.

    Each row has ``shape``, a file relative to ``data_root``, and any of ``name``, ``captions``,
    ``images``, ``category`` and ``id``. In CSV several captions or images are separated by ``|``,
    in JSON they are lists. A row without texts or images is fine.

    Meshes (whatever trimesh reads: obj, glb, ply, stl, off, ...) are sampled evenly over their
    surface with the colours of textures, materials, vertices or faces. Point clouds are ``.ply``,
    ``.npy (N, 3 or 6)``, our ``.npz``, and ``.txt`` or ``.xyz`` with one point per line.

    Points are turned (not mirrored) to y-up, so that the pipelines of OpenShape and of the
    furniture fit as they are, with ``SwapYZ``.

    Args:
        data_root: Folder of the files.
        file_up_axis: Up axis of the files, ``'x'``, ``'y'`` or ``'z'``.
        ann_file: The list. Defaults to 'shapes.csv'.
        unit: Unit of the files: m, dm, cm, mm, inch or foot. Points are brought to metres, and
            ``size``, the largest side, is known to the network. Defaults to None: the size is
            unknown.
        colour_range: What the columns 4 to 6 of a ``.npy``, ``.txt`` or ``.xyz`` are: 1 or 255 for
            colours up to that value, 0 for something else. Defaults to None: such files must not
            have further columns.
        num_points: Points drawn from a mesh. Defaults to 10000.
        cache_in_memory: Sample each mesh once and keep its points. Defaults to True.
        **kwargs: See :class:`ShapeDataset`: ``classes``, ``pipeline``, ...

    Raises:
        ConfigError: If a key or the list can't be used.

    Examples:
        >>> import json, tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(Path(folder) / 'rod.npy', np.linspace((0, 0, 0), (0, 0, 2), 50))
        ...     rows = [dict(shape='rod.npy', name='Rod', captions=['a thin rod', 'a stick'])]
        ...     _ = (Path(folder) / 'shapes.json').write_text(json.dumps(rows))
        ...     dataset = ShapeFolderDataset(
        ...         data_root=folder, ann_file='shapes.json', file_up_axis='z', unit='cm',
        ...         up_axis='y', pipeline=[],
        ...     )
        ...     entry = dataset[0]
        >>> len(dataset), entry['name'], entry['xyz'].shape
        (1, 'Rod', (50, 3))
        >>> entry['xyz'].max(axis=0).tolist() == [0, np.float32(0.02), 0]  # y-up, in metres
        True
    """

    how_to_get = 'set it to the folder with your shapes.'

    def __init__(
        self,
        data_root: str,
        file_up_axis: str,
        ann_file: str = 'shapes.csv',
        unit: str | None = None,
        colour_range: float | None = None,
        num_points: int = 10000,
        cache_in_memory: bool = True,
        **kwargs: Any,
    ) -> None:
        for key, value, known in (
            ('file_up_axis', file_up_axis, tuple(TO_Y_UP)),
            ('unit', unit, (None, *METRES)),
            ('colour_range', colour_range, (None, 0, 1, 255)),
        ):
            if value not in known:
                raise ConfigError(f'ShapeFolderDataset {key}={value!r}: expected one of {known}.')
        self.unit = unit
        self.turn = TO_Y_UP[file_up_axis] * np.float32(1 if unit is None else METRES[unit])
        self.colour_range = colour_range
        self.num_points = num_points
        super().__init__(
            data_root=data_root,
            ann_file=ann_file,
            file_up_axis='y',  # what load_shape makes of it
            cache_in_memory=cache_in_memory,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """One entry per row."""
        entries = [self._entry(row, number) for number, row in enumerate(self._rows(), 1)]
        ids = {entry['sample_id'] for entry in entries}
        if len(ids) != len(entries):
            raise ConfigError(f'{self.ann_file}: ids occur twice; give each row its own `id`.')
        if self.classes:
            self.warn_unknown([entry['category'] for entry in entries])
        return entries

    def _rows(self) -> list[dict[str, Any]]:
        if self.ann_file.endswith('.json'):
            rows = read_json(self.ann_file)
        else:
            with open(self.ann_file, encoding='utf-8-sig', newline='') as file:
                rows = list(csv.DictReader(file))
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ConfigError(f'{self.ann_file}: expected a list of rows with {_COLUMNS}.')
        ignored = {str(key) for row in rows for key in row} - set(_COLUMNS)
        if ignored:
            print_log(
                f'{self.ann_file}: ignores the columns {sorted(ignored)}; known are {_COLUMNS}.',
                logger='current',
                level=logging.WARNING,
            )
        return rows

    def _entry(self, row: dict[str, Any], number: int) -> dict[str, Any]:
        if not row.get('shape'):
            raise ConfigError(f'{self.ann_file}: row {number} has no `shape`, the file to read.')
        root, shape = Path(self.data_root), Path(row['shape'])
        texts = Candidates(dataset='ShapeFolder')
        texts.images = [str(root / image) for image in _split_list(row.get('images'))]
        texts.captions = Texts(_split_list(row.get('captions')))
        texts.raw = Texts([row['name']] if row.get('name') else [])
        category = row.get('category') or None
        return dict(
            sample_id=str(row.get('id') or shape.with_suffix('').as_posix()),
            path=str(root / shape),
            name=row.get('name') or shape.stem.replace('_', ' '),
            category=category,
            label=self.label_of(category),
            candidates=texts,
        )

    def load_shape(self, info: dict[str, Any]) -> dict[str, Any]:
        """Points of one file, y-up, and their size in metres if the unit is known.

        Raises:
            BadSampleError: If the file or one of its images can't be used.
        """
        for image in info['candidates'].images:
            if not Path(image).is_file():
                raise BadSampleError(f'{image}: there is no such image, {self.ann_file} names it.')
        xyz, rgb = read_shape_points(
            info['path'], self.num_points, self.colour_range, seed=info['sample_id']
        )
        xyz, rgb = check_points(xyz, rgb, info['path'])
        fields: dict[str, Any] = dict(xyz=xyz @ self.turn.T)
        if rgb is not None:
            fields['rgb'] = rgb
        if self.unit is not None:
            fields['size'] = float(np.ptp(fields['xyz'], axis=0).max())
        return fields

    def complete(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return an entry with its points, from memory or from its file."""
        fields = self._cache.get(info['sample_id'])
        return {**(self.load_shape(info) if fields is None else fields), **info}


def _split_list(value: str | Sequence[str] | None) -> list[str]:
    """Return a list as it is; a text of CSV cut at ``|``."""
    items = value.split('|') if isinstance(value, str) else list(value or ())
    return [item.strip() for item in items if item and item.strip()]
