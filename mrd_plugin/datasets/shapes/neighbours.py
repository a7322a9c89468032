"""Tables of nearest neighbours among the shapes of a training set."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mrd_plugin.utils.atomic import write_atomically
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.safe_pickle import load_pickled_npy


class Neighbours(NamedTuple):
    """Nearest neighbours of each shape.

    Attributes:
        ids: Sample ids, ``n``.
        rows: ``(n, k)`` int64, row numbers of ``ids``, nearest first; -1 where there is none.
        meta: How the table was made.
    """

    ids: tuple[str, ...]
    rows: np.ndarray
    meta: dict[str, Any]

    def rows_for(self, sample_ids: Sequence[str]) -> list[np.ndarray]:
        """Neighbours in the numbering of a data set, whose ids are given in its order.

        Returns:
            For each sample the places of its neighbours, nearest first; those that are not in the
            data set are passed over, and so is the sample itself.

        Raises:
            ConfigError: None of the samples is in the table.
        """
        place = {name: row for row, name in enumerate(sample_ids)}
        here = np.array([place.get(name, -1) for name in self.ids] + [-1])
        found = {
            name: here[row] for name, row in zip(self.ids, self.rows)
        }  # -1 picks the sentinel at the end
        if not any(name in found for name in sample_ids):
            raise ConfigError(
                f'neighbours: none of the {len(sample_ids)} training shapes is in the table of '
                f'{len(self.ids)} shapes (its ids look like {self.ids[0]!r}, those of the data set '
                f'like {sample_ids[0]!r}); build it with tools/build_hard_negatives.py for this '
                'data.'
            )
        empty = np.zeros(0, dtype=np.int64)
        rows = (found.get(name, empty) for name in sample_ids)
        return [near[(near >= 0) & (near != own)] for own, near in enumerate(rows)]


def write_neighbours(
    path: str | Path, ids: Sequence[str], index: np.ndarray, meta: Mapping[str, Any]
) -> None:
    """Write a table as ``.npz`` without pickled objects.

    Args:
        path: The file.
        ids: Sample ids, ``n``.
        index: ``(n, k)`` rows of ``ids``, -1 for none.
        meta: Plain data.
    """
    content = io.BytesIO()
    np.savez_compressed(
        content, ids=np.array(ids), index=index.astype(np.int32), meta=json.dumps(dict(meta))
    )
    write_atomically(path, content.getvalue())


def read_neighbours(path: str | Path) -> Neighbours:
    """Read a table.

    Args:
        path: ``.npz`` of ``tools/build_hard_negatives.py``, or OpenShape's ``point_feat_knn.npy``
            (a pickled dict of ``name`` and ``index``, read without running the pickle).

    Raises:
        ConfigError: The file is missing.
        BadSampleError: It is damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(
            f'neighbours={str(path)!r}: there is no such file; build it with `python '
            'tools/build_hard_negatives.py CONFIG CHECKPOINT --out FILE.npz`.'
        )
    try:
        if path.suffix == '.npz':
            with np.load(path, allow_pickle=False) as archive:
                ids, index = archive['ids'].tolist(), archive['index']
                meta = json.loads(str(archive['meta']))
        else:
            table = load_pickled_npy(path)
            ids, index, meta = list(table['name']), np.asarray(table['index']), {}
    except (zipfile.BadZipFile, ValueError, KeyError, OSError, EOFError) as error:
        raise BadSampleError(
            f'{path}: is no table of neighbours ({error}); build it again.'
        ) from error
    if index.ndim != 2 or len(index) != len(ids) or not -1 <= index.min() <= index.max() < len(ids):
        raise BadSampleError(
            f'{path}: index is {index.shape} for {len(ids)} ids, expected one row of row numbers '
            'for each id; build it again.'
        )
    return Neighbours(tuple(str(name) for name in ids), index.astype(np.int64), meta)
