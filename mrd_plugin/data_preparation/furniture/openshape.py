"""The files around the shapes in OpenShape's layout: split lists, filter, features, classes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mrd_plugin.data_preparation.furniture.captions import head_noun
from mrd_plugin.data_preparation.furniture.catalogue import CatalogueEntry
from mrd_plugin.data_preparation.furniture.file_formats import (
    image_path,
    lvis_rows,
    openshape_rows,
    openshape_texts,
    view_paths,
)
from mrd_plugin.utils.atomic import write_atomically, write_json


class TextImageEncoder(Protocol):
    """What is needed of a teacher; `CachedTeacher` has it."""

    def encode_image(self, paths: Sequence[str]) -> Any:
        """Features (n, D) of image files."""

    def encode_text(self, texts: Sequence[str]) -> Any:
        """Features (n, D) of texts."""


def shape_features(
    entries: Sequence[CatalogueEntry], teacher: TextImageEncoder, views: int = 0
) -> list[dict[str, np.ndarray]]:
    """Teacher features of each shape: key ``image`` and each of its texts, float32 (D,).

    Args:
        entries: Shapes.
        teacher: Source of the features.
        views: Rendered images of each shape; their features are ``views`` (V, D).
    """
    images = _array(teacher.encode_image([image_path(entry) for entry in entries]))
    texts = list(dict.fromkeys(text for entry in entries for text in openshape_texts(entry)))
    rows = dict(zip(texts, _array(teacher.encode_text(texts))))
    found = [
        {'image': image, **{text: rows[text] for text in openshape_texts(entry)}}
        for entry, image in zip(entries, images)
    ]
    if views:
        for feature, entry in zip(found, entries):
            feature['views'] = _array(teacher.encode_image(view_paths(entry, views)))
    return found


def _array(features: Any) -> np.ndarray:
    return np.asarray(features, dtype=np.float32)


def write_meta(
    out: Path,
    entries: Sequence[CatalogueEntry],
    split: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    teacher: TextImageEncoder | None = None,
) -> None:
    """Write ``meta_data/`` as OpenShape has it.

    ``split/train_all.json`` holds the train part and ``split/lvis.json`` those test shapes whose
    head noun is a class, so that nothing is tested that was trained on. Every raw text passes the
    GPT filter. Without a teacher there are no class features.
    """
    meta = out / 'meta_data'
    parts = {part: [e for e in entries if e.sample_id in set(ids)] for part, ids in split.items()}
    write_json(meta / 'split' / 'train_all.json', openshape_rows(parts['train']))
    write_json(meta / 'split' / 'val.json', openshape_rows(parts['val']))
    write_json(meta / 'split' / 'test.json', openshape_rows(parts['test']))
    write_json(meta / 'split' / 'lvis.json', lvis_rows(parts['test'], classes))
    write_json(meta / 'gpt4_filtering.json', {e.sample_id: {'flag': 'Y'} for e in entries})
    if teacher is not None:
        tested = {head_noun(entry.name) for entry in parts['test']}
        buffer = io.BytesIO()
        rows = teacher.encode_text(sorted(tested & set(classes)))
        np.save(buffer, _array(rows))
        write_atomically(meta / 'lvis_cat_name_pt_feat.npy', buffer.getvalue())
