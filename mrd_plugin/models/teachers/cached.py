"""A teacher that was run once and whose embeddings are read from disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.teachers.base import Teacher
from mrd_plugin.models.teachers.frozen import Frozen
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import file_sha256, read_json

FORMAT = 1
"""Version of the folder's layout, the manifest's ``format``."""

_REMEDY = 'run tools/extract_teacher_features.py again'


@MODELS.register_module()
class CachedTeacher(Teacher):
    """Embeddings written by ``tools/extract_teacher_features.py``.

    The folder holds ``image.npy`` and ``text.npy`` (``(n, D)`` float16 or float32, memory-mapped),
    ``patches.npy`` (``(n, L, D)``, likewise, if it was written with ``--patches``), ``keys.json``
    (what each row is) and ``manifest.json`` (which teacher made them, and how). A text is found by
    its exact characters. An image is found by its path below the data folder, so the data folder
    may lie anywhere; if the file is there its size must be the recorded one. Prompt ensembles are
    averaged when they are read, from the rows of the single prompts, by the same code as online.

    Args:
        root: The cache folder.
        expect: Entries that the manifest must have, for instance ``dict(type='ConSETeacher',
            dim=384)``. Nested dicts are compared entry by entry. Defaults to None, no demand.
        templates: See :class:`Teacher`. Defaults to 'identity'.

    Raises:
        ConfigError: The cache is missing, damaged or differs from ``expect``; later, that a text or
            image isn't in it.
    """

    def __init__(
        self,
        root: str | Path,
        expect: Mapping[str, Any] | None = None,
        templates: str | Sequence[str] = 'identity',
    ) -> None:
        self.root = Path(root)
        self.manifest = read_manifest(self.root)
        _check_expected(self.root, self.manifest, expect or {})
        super().__init__(int(self.manifest['dim']), templates, batch_size=4096)
        keys = _read_keys(self.root, self.manifest)
        n_image, n_text = self.manifest['n_image'], self.manifest['n_text']
        patches = (n_image, self.manifest.get('n_patches', 0), self.dim)
        self._images = Frozen(_open_rows(self.root, 'image', (n_image, self.dim), self.manifest))
        self._texts = Frozen(_open_rows(self.root, 'text', (n_text, self.dim), self.manifest))
        self._patches = Frozen(_open_rows(self.root, 'patches', patches, self.manifest))
        self._image_rows = Frozen({key: row for row, key in enumerate(keys['images'])})
        self._text_rows = Frozen({key: row for row, key in enumerate(keys['texts'])})
        self._image_bytes = Frozen(keys['image_bytes'])
        self._found: dict[str, int] = {}

    def describe(self) -> dict[str, Any]:
        """Identity of the teacher that made the cache, equal to its own ``describe()``."""
        return {
            key: self.manifest[key] for key in ('type', 'dim', 'weights_sha256', 'preprocessing')
        }

    def _encode_images(self, paths: Sequence[str]) -> Tensor:
        return _take(self._images.content, [self._image_row(str(path)) for path in paths])

    def _encode_tokens(self, paths: Sequence[str]) -> Tensor:
        if not self.manifest.get('n_patches'):
            raise ConfigError(
                f'teacher cache {self.root} holds no patch tokens; {_REMEDY} with --patches, or '
                "set model.target='image', which needs none"
            )
        rows = [self._image_row(str(path)) for path in paths]
        whole = _take(self._images.content, rows).unsqueeze(1)
        return torch.cat([whole, _take(self._patches.content, rows)], dim=1)

    def _encode_texts(self, texts: Sequence[str]) -> Tensor:
        rows = self._text_rows.content
        unknown = [text for text in texts if text not in rows]
        if unknown:
            raise ConfigError(
                f"teacher cache {self.root} has no text '{unknown[0]}' ({len(unknown)} of "
                f'{len(texts)} asked for are unknown); if it is a prompt or a new class, add it '
                f'with --prompts or --classes and {_REMEDY}'
            )
        return _take(self._texts.content, [rows[text] for text in texts])

    def _image_row(self, path: str) -> int:
        """Row of an image: the longest end of its path that is a key."""
        if path in self._found:
            return self._found[path]
        parts = Path(path).parts
        ends = ('/'.join(parts[start:]) for start in range(len(parts)))
        key = next((end for end in ends if end in self._image_rows.content), None)
        if key is None and '#xywh=' in path:
            raise ConfigError(
                f'teacher cache {self.root} has whole images, not {path}; take an online teacher '
                'or leave FrustumCrop out of the pipeline'
            )
        if key is None:
            raise ConfigError(
                f'teacher cache {self.root} has no image {path} (its keys look like '
                f"'{next(iter(self._image_rows.content), '')}'); {_REMEDY} for this data"
            )
        row = self._image_rows.content[key]
        expected = self._image_bytes.content[row]
        file = Path(path)
        if file.is_file() and file.stat().st_size != expected:
            raise ConfigError(
                f'image {path} has {file.stat().st_size} bytes, but {expected} when teacher '
                f'cache {self.root} was made; it is another image: {_REMEDY}'
            )
        self._found[path] = row
        return row


def read_manifest(root: Path) -> dict[str, Any]:
    """Read ``manifest.json`` of a cache folder.

    Raises:
        ConfigError: It is missing, no JSON or of another layout version.
    """
    path = root / 'manifest.json'
    try:
        manifest = read_json(path, _REMEDY)
    except FileNotFoundError:
        raise ConfigError(
            f'teacher.root: {root} holds no teacher cache (no manifest.json); make it with '
            'tools/extract_teacher_features.py'
        ) from None
    if manifest.get('format') != FORMAT:
        raise ConfigError(f'{path}: format={manifest.get("format")}, expected {FORMAT}; {_REMEDY}')
    return manifest


def _check_expected(
    root: Path, got: Mapping[str, Any], expect: Mapping[str, Any], name: str = ''
) -> None:
    for key, value in expect.items():
        here = f'{name}.{key}' if name else key
        if isinstance(value, Mapping) and isinstance(got.get(key), Mapping):
            _check_expected(root, got[key], value, here)
        elif got.get(key) != value:
            raise ConfigError(
                f'teacher cache {root}: the manifest has {here}={got.get(key)!r}, the config '
                f'expects {here}={value!r}; point teacher.root at a cache of that teacher or '
                f'{_REMEDY}'
            )


def _read_keys(root: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    path = root / 'keys.json'
    if not path.is_file() or file_sha256(path) != manifest['keys_sha256']:
        raise ConfigError(f"{path} is missing or isn't the one of its manifest.json; {_REMEDY}")
    return read_json(path)


def _open_rows(
    root: Path, kind: str, shape: tuple[int, ...], manifest: Mapping[str, Any]
) -> np.ndarray:
    """Map an array of this shape into memory after a check of type, shape and file size."""
    path, dtype = root / f'{kind}.npy', manifest['dtype']
    if 0 in shape[1:]:
        return np.zeros(shape, dtype)
    if not path.is_file():
        raise ConfigError(f'{path} is missing; {_REMEDY}')
    if shape[0] == 0:
        return np.zeros(shape, dtype)
    try:
        rows = np.load(path, mmap_mode='r', allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ConfigError(
            f'{path} is truncated or damaged ({path.stat().st_size} bytes for {shape} {dtype}: '
            f'{error}); {_REMEDY}'
        ) from error
    if rows.shape != shape or rows.dtype != np.dtype(dtype):
        raise ConfigError(
            f'{path} holds {rows.shape} {rows.dtype}, its manifest says {shape} {dtype}; {_REMEDY}'
        )
    return rows


def _take(rows: np.ndarray, which: Sequence[int]) -> Tensor:
    return torch.from_numpy(rows[np.asarray(which, dtype=np.int64)].astype(np.float32))
