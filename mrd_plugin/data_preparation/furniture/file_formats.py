"""The two forms in which a shape is written: plain arrays, and OpenShape's pickled dict.

Both hold the same points in the same frame: y up, as the catalogue has it. Readers of either form
swap y and z when they load (OpenShape's own loader does), and are then z-up.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from mrd_plugin.data_preparation.furniture.captions import captions, head_noun, useful_tags
from mrd_plugin.data_preparation.furniture.catalogue import CatalogueEntry
from mrd_plugin.data_preparation.furniture.sampling import Sample
from mrd_plugin.datasets.shapes.openshape import OPENSHAPE_PREFIX

UP_AXIS = 'y'
"""Up axis of the stored arrays, in both forms."""

DATASET = {'plain': 'Furniture', 'openshape': 'Objaverse'}
"""Value of the key ``dataset``. Readers of OpenShape files choose the image and text rules by it,
so the openshape form carries the name whose rules it is meant to exercise."""

VIEWS = 'views'
"""Folder of the rendered images inside the data folder."""


def record(entry: CatalogueEntry, form: str, views: int = 0) -> dict[str, Any]:
    """Return what index.json says about one shape; paths are relative to the folder of index.json.

    Args:
        entry: The shape.
        form: ``'plain'`` or ``'openshape'``.
        views: Number of rendered images; the key ``views`` is left out if there are none.
    """
    found = {
        'id': entry.sample_id,
        'group': entry.group,
        'name': entry.name,
        'tags': useful_tags(entry.name, entry.tags),
        'category': entry.category,
        'noun': head_noun(entry.name),
        'captions': captions(entry.name, entry.tags, entry.category),
        'creator': entry.creator,
        'licence': entry.licence,
        'size_cm': list(entry.size_cm),
        'up_axis': UP_AXIS,
        'shape': shape_path(entry, form),
        'image': image_path(entry),
    }
    if views:
        found['views'] = view_paths(entry, views)
    return found


def shape_path(entry: CatalogueEntry, form: str) -> str:
    """Path of a shape's file inside the data folder."""
    if form == 'plain':
        return f'shapes/{entry.sample_id}.npz'
    return f'{DATASET[form]}/{entry.group}/{entry.sample_id}.npy'


def image_path(entry: CatalogueEntry) -> str:
    """Path of a shape's image inside the data folder."""
    return f'images/{entry.sample_id}.png'


def view_paths(entry: CatalogueEntry, count: int) -> list[str]:
    """Paths of a shape's rendered images inside the data folder, in the order of the cameras."""
    return [f'{VIEWS}/{entry.sample_id}/{number:02d}.png' for number in range(count)]


def encode_plain(entry: CatalogueEntry, sample: Sample) -> bytes:
    """Return a ``.npz`` of plain arrays: xyz float32, rgb uint8 (N, 3), dataset, group, id."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        xyz=sample.xyz,
        rgb=sample.rgb,
        dataset=np.array(DATASET['plain']),
        group=np.array(entry.group),
        id=np.array(entry.sample_id),
    )
    return buffer.getvalue()


def encode_openshape(
    entry: CatalogueEntry, sample: Sample, features: dict[str, np.ndarray] | None = None
) -> bytes:
    """Return a pickled-dict ``.npy`` with the keys of OpenShape's training files.

    The name is the raw text; the caption of name and tags takes the place of the BLIP caption, that
    of name and category the place of the MSFT caption, and all captions that of the retrieved
    texts.

    Args:
        entry: The shape.
        sample: Its points.
        features: Teacher features, float32 (D,): key ``image`` and one key for each text of
            `openshape_texts`; ``views`` (V, D) of the rendered images, if there are any (the
            image itself replaces them otherwise). Without them the file has no ``*_feat`` keys.
            A text's own feature also serves as its prompt average.
    """
    content: dict[str, Any] = {
        'dataset': DATASET['openshape'],
        'group': entry.group,
        'id': entry.sample_id,
        'xyz': sample.xyz,
        'rgb': sample.rgb / np.float32(255),
        **_texts(entry),
    }
    if features is not None:

        def pair(text: str) -> dict[str, np.ndarray]:
            row = features[text][None]
            return {'original': row, 'prompt_avg': row}

        content['image_feat'] = features.get('views', features['image'][None])
        content['thumbnail_feat'] = features['image']
        for key, value in _texts(entry).items():
            many = isinstance(value, list)
            content[f'{key}_feat'] = [pair(text) for text in value] if many else pair(value)
    buffer = io.BytesIO()
    np.save(buffer, np.array(content, dtype=object), allow_pickle=True)
    return buffer.getvalue()


def _texts(entry: CatalogueEntry) -> dict[str, Any]:
    found = captions(entry.name, entry.tags, entry.category)
    return {
        'text': [entry.name],
        'blip_caption': found[min(1, len(found) - 1)],
        'msft_caption': found[-1],
        'retrieval_text': found,
    }


def openshape_texts(entry: CatalogueEntry) -> list[str]:
    """Return the texts whose features `encode_openshape` needs."""
    return [entry.name, *_texts(entry)['retrieval_text']]


def openshape_rows(entries: Sequence[CatalogueEntry]) -> list[dict[str, str]]:
    """Rows of an OpenShape training split: id, dataset, group and data_path of each shape."""
    return [
        {
            'id': entry.sample_id,
            'dataset': DATASET['openshape'],
            'group': entry.group,
            'data_path': f'{OPENSHAPE_PREFIX}/{shape_path(entry, "openshape")}',
        }
        for entry in entries
    ]


def lvis_rows(entries: Sequence[CatalogueEntry], classes: Sequence[str]) -> list[dict[str, str]]:
    """Rows of an OpenShape zero-shot list: uid, category, group and data_path.

    Shapes whose head noun is not among `classes` are left out.
    """
    return [
        {
            'uid': row['id'],
            'category': head_noun(entry.name),
            'group': row['group'],
            'data_path': row['data_path'],
        }
        for entry, row in zip(entries, openshape_rows(entries))
        if head_noun(entry.name) in classes
    ]
