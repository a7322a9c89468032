"""A dozen boxes in the form of the prepared furniture folder, with real ConSE features."""

import functools
import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from mrd_plugin.data_preparation.teacher_cache import CacheRequest, write_cache
from mrd_plugin.datasets.shapes.shape_file import write_shape
from mrd_plugin.models.teachers import ConSETeacher

SPLITS = 'configs/_base_/datasets/furniture_splits'


def make_furniture(root, count=12, views=0):
    """Write index, shapes, images (``views`` per shape), split, ``features/conse`` below root."""
    nouns = json.loads(open(f'{SPLITS}/nouns.json', encoding='utf-8').read())
    rng = np.random.default_rng(0)
    records = []
    for i in range(count):
        noun = nouns[i % 6]
        uid = f'toy-{i:04d}-{noun}'
        size = rng.uniform(0.2, 1, 3)
        xyz = (rng.uniform(-1, 1, (600, 3)) * size).astype(np.float32)
        colour = rng.uniform(0, 1, 3)
        rgb = np.tile(colour, (600, 1)).astype(np.float32)
        (root / 'shapes').mkdir(parents=True, exist_ok=True)
        (root / 'images').mkdir(exist_ok=True)
        content = dict(dataset='Furniture', group='toy', id=uid, xyz=xyz, rgb=rgb)
        write_shape(root / 'shapes' / f'{uid}.npz', content)
        pixels = np.full((128, 128, 3), 255, np.uint8)
        pixels[20:100, 30:90] = (255 * colour).astype(np.uint8)
        Image.fromarray(pixels).save(root / 'images' / f'{uid}.png')
        shown = [f'views/{uid}/{k:02d}.png' for k in range(views)]
        for k, view in enumerate(shown):
            (root / view).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.roll(pixels, 10 * (k + 1), axis=1)).save(root / view)
        records.append(
            dict(
                id=uid,
                group='toy',
                name=f'{noun.capitalize()} {i}',
                tags=[],
                category='Living room',
                noun=noun,
                captions=[f'{noun} {i}', f'{noun} for the living room'],
                creator='the tests',
                licence='CC0',
                size_cm=[100 * float(s) for s in size],
                up_axis='y',
                shape=f'shapes/{uid}.npz',
                image=f'images/{uid}.png',
                **(dict(views=shown) if views else {}),
            )
        )
    (root / 'index.json').write_text(json.dumps(records))
    ids = [record['id'] for record in records]
    split = dict(train=ids[: count - 4], val=ids[count - 4 : count - 2], test=ids[count - 2 :])
    (root / 'split.json').write_text(json.dumps(split))
    request = CacheRequest.from_folder(root, nouns, ['identity', 'short'], ['identity', 'short'])
    write_cache(ConSETeacher(), request, root, root / 'features' / 'conse', patches=True)
    return root


@functools.cache
def shared_furniture():
    """One folder of 24 shapes, for the tests of a session that only read it."""
    folder = tempfile.TemporaryDirectory(prefix='furniture')
    _KEPT.append(folder)
    return make_furniture(Path(folder.name), count=24)


_KEPT = []  # a temporary folder lasts as long as its object


def furniture_options(root):
    """Overrides that point a furniture config at the folder of :func:`make_furniture`."""
    options = {'model.teacher.root': str(root / 'features' / 'conse')}
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        options[f'{loader}.dataset.data_root'] = str(root)
        options[f'{loader}.dataset.ann_file'] = str(root / 'split.json')
    return options
