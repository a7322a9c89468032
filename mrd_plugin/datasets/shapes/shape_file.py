"""One shape on disk: OpenShape's pickled dict (``.npy``) and our plain arrays (``.npz``).

Both hold the same keys. The pickled dict nests text features in lists and dicts; in the ``.npz`` a
list of texts is a unicode array, and nested features are flat keys, ``text_feat.original (n, D)``
and ``text_feat.prompt_avg (n, D)``, so that no pickle is needed. The two give identical samples.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mrd_plugin.datasets.shapes.text_image_policy import Candidates, Texts
from mrd_plugin.utils.errors import BadSampleError
from mrd_plugin.utils.safe_pickle import load_pickled_npy

_PLAIN = ('dataset', 'group', 'id', 'text', 'blip_caption', 'msft_caption', 'retrieval_text')
_NESTED = ('text_feat', 'blip_caption_feat', 'msft_caption_feat', 'retrieval_text_feat')
_KINDS = ('original', 'prompt_avg')


class ShapeFile(NamedTuple):
    """A shape as stored.

    Attributes:
        xyz: Points ``(N, 3)``, float32, finite.
        rgb: Colours ``(N, 3)`` as stored, uint8 or float32 in [0, 1]; None without colour.
        candidates: Texts, images and their features.
    """

    xyz: np.ndarray
    rgb: np.ndarray | None
    candidates: Candidates


def check_points(xyz: Any, rgb: Any, path: str | Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Check points and colours of a shape.

    Args:
        xyz: Points, expected ``(N, 3)`` with N > 0 and finite.
        rgb: Colours, expected ``(N, 3)``, uint8 or float in [0, 1]; or None.
        path: File to name in an error.

    Returns:
        ``xyz (N, 3)`` as float32; ``rgb (N, 3)`` as uint8 or float32, or None.

    Raises:
        BadSampleError: If something else was found.
    """
    xyz = np.asarray(xyz)
    if xyz.ndim != 2 or xyz.shape[1] != 3 or xyz.dtype.kind not in 'fiu':
        raise BadSampleError(f'{path}: xyz is {xyz.dtype} {xyz.shape}, expected numbers (N, 3).')
    if len(xyz) == 0:
        raise BadSampleError(f'{path}: it has zero points.')
    xyz = np.ascontiguousarray(xyz, dtype=np.float32)
    if not np.isfinite(xyz).all():
        bad = int((~np.isfinite(xyz).all(axis=1)).sum())
        raise BadSampleError(
            f'{path}: {bad} of {len(xyz)} points have NaN or infinite coordinates.'
        )
    if rgb is None:
        return xyz, None
    rgb = np.asarray(rgb)
    if rgb.shape != xyz.shape or rgb.dtype.kind not in 'fu':
        raise BadSampleError(f'{path}: rgb is {rgb.dtype} {rgb.shape}, expected {xyz.shape}.')
    if rgb.dtype == np.uint8:
        return xyz, np.ascontiguousarray(rgb)
    rgb = np.ascontiguousarray(rgb, dtype=np.float32)
    low, high = float(rgb.min()), float(rgb.max())
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        raise BadSampleError(f'{path}: rgb spans [{low:g}, {high:g}], expected [0, 1] or uint8.')
    return xyz, rgb


def read_shape(path: str | Path) -> ShapeFile:
    """Read a shape in either form.

    Raises:
        BadSampleError: If the file is missing, truncated, unsafe, or its points can't be used; the
            message names the file.
    """
    path = Path(path)
    try:
        if path.suffix == '.npz':
            record = _read_npz(path)
        elif path.suffix == '.npy':
            record = load_pickled_npy(path)
        else:
            raise BadSampleError(f'{path}: expected a shape file that ends in .npz or .npy.')
    except FileNotFoundError as error:
        raise BadSampleError(
            f'{path}: there is no such file; fetch or prepare it again.'
        ) from error
    if 'xyz' not in record:
        raise BadSampleError(f'{path}: it has no xyz; its keys are {sorted(record)}.')
    xyz, rgb = check_points(record['xyz'], record.get('rgb'), path)
    try:
        return ShapeFile(xyz, rgb, _candidates(record))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BadSampleError(
            f'{path}: its texts or features are not laid out as expected ({error}).'
        ) from error


def shape_fields(path: str | Path) -> dict[str, Any]:
    """Return what a shape's file tells the transforms.

    Returns:
        ``xyz (N, 3)``, ``rgb (N, 3)`` (only with colour), ``candidates`` and, if the shape has a
        raw text, that as its ``name``.

    Raises:
        BadSampleError: As in :func:`read_shape`.
    """
    shape = read_shape(path)
    fields: dict[str, Any] = dict(xyz=shape.xyz, candidates=shape.candidates)
    if shape.rgb is not None:
        fields['rgb'] = shape.rgb
    if any(shape.candidates.raw.texts):
        fields['name'] = next(text for text in shape.candidates.raw.texts if text)
    return fields


def _read_npz(path: Path) -> dict[str, Any]:
    """Arrays of the ``.npz`` form, nested again as in the pickled dict."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            record: dict[str, Any] = {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError, zlib.error) as error:
        raise BadSampleError(
            f'{path}: can not be read as .npz ({error}); it is truncated or not ours, get it again.'
        ) from error
    for key in _PLAIN:
        if key in record:
            record[key] = record[key].tolist()
    for key in _NESTED:
        parts = {k: record.pop(f'{key}.{k}') for k in _KINDS if f'{key}.{k}' in record}
        if parts and key in ('text_feat', 'retrieval_text_feat'):
            size = len(next(iter(parts.values())))
            record[key] = [{k: part[i] for k, part in parts.items()} for i in range(size)]
        elif parts:
            record[key] = parts
    return record


def write_shape(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a dict in OpenShape's layout as our ``.npz``, without pickled objects.

    Args:
        path: File to write; its name must end in ``.npz``.
        record: At least ``xyz``; further the keys of OpenShape's dict.
    """
    arrays: dict[str, np.ndarray] = {}
    for key, value in record.items():
        if key in _NESTED:
            items = [value] if isinstance(value, Mapping) else list(value)
            for kind in _KINDS:
                if items and all(kind in item for item in items):
                    table = np.stack([np.asarray(item[kind]).reshape(-1) for item in items])
                    arrays[f'{key}.{kind}'] = table[0] if isinstance(value, Mapping) else table
        elif key in _PLAIN and not len(value):
            arrays[key] = np.array([] if not isinstance(value, str) else '', dtype=np.str_)
        else:
            arrays[key] = np.asarray(value)
    np.savez(path, **arrays)


def _candidates(record: Mapping[str, Any]) -> Candidates:
    captions = [str(record.get(f'{maker}_caption', '')) for maker in ('blip', 'msft')]
    caption_feats = [record.get(f'{maker}_caption_feat') for maker in ('blip', 'msft')]
    image_feat = record.get('image_feat')
    return Candidates(
        dataset=str(record.get('dataset', '')),
        raw=_texts(record.get('text'), record.get('text_feat')),
        captions=_texts(captions, caption_feats) if any(captions) else Texts(),
        retrieval=_texts(record.get('retrieval_text'), record.get('retrieval_text_feat')),
        thumbnail_feat=_vector(record.get('thumbnail_feat')),
        image_feat=None if image_feat is None or not len(image_feat) else np.asarray(image_feat),
    )


def _texts(texts: Any, features: Sequence[Mapping[str, Any] | None] | None) -> Texts:
    """Texts with features ``(n, D)``; a text without features gets a row of its own, never used."""
    texts = [texts] if isinstance(texts, str) else [str(text) for text in texts or ()]
    items: list[Mapping[str, Any]] = [item or {} for item in features or ()]
    if not texts or len(items) != len(texts):
        return Texts(texts)
    tables = {}
    for kind in _KINDS:
        rows = [_vector(item.get(kind)) for item in items]
        known = [row for row in rows if row is not None]
        if known and all(row is not None or not text for row, text in zip(rows, texts)):
            blank = np.zeros_like(known[0])
            tables[kind] = np.stack([blank if row is None else row for row in rows])
    return Texts(texts, **tables)


def _vector(value: Any) -> np.ndarray | None:
    return None if value is None else np.asarray(value, dtype=np.float32).reshape(-1)
