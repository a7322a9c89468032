"""Small data sets on disk for the tests of this folder."""

import json

import numpy as np

from mrd_plugin.datasets.shapes.openshape import OPENSHAPE_PREFIX
from mrd_plugin.datasets.shapes.shape_file import write_shape

DIM = 6


def cloud(seed, points=64):
    rng = np.random.default_rng(seed)
    return dict(
        xyz=rng.uniform(-1, 1, (points, 3)).astype(np.float32),
        rgb=rng.uniform(0, 1, (points, 3)).astype(np.float32),
    )


def record(uid, seed=0, dataset='Objaverse', points=64):
    """A dict with every key of OpenShape's files."""
    rng = np.random.default_rng(seed + 1000)

    def feat():
        return {k: rng.normal(size=(1, DIM)).astype(np.float32) for k in ('original', 'prompt_avg')}

    return dict(
        dataset=dataset,
        group='000-000',
        id=uid,
        **cloud(seed, points),
        image_feat=rng.normal(size=(12, DIM)).astype(np.float32),
        thumbnail_feat=rng.normal(size=DIM).astype(np.float32),
        text=[f'raw {uid}', f'other {uid}'],
        text_feat=[feat(), feat()],
        blip_caption=f'blip {uid}',
        blip_caption_feat=feat(),
        msft_caption=f'msft {uid}',
        msft_caption_feat=feat(),
        retrieval_text=[f'found {uid} {i}' for i in range(3)],
        retrieval_text_feat=[feat() for _ in range(3)],
    )


def save_pickled(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.array(content, dtype=object), allow_pickle=True)


def openshape_folder(root, records, suffix='.npy', rejected=()):
    """Write shapes, split file and GPT filter as OpenShape lays them out."""
    rows = []
    for content in records:
        place = f'{content["dataset"]}/{content["group"]}/{content["id"]}{suffix}'
        if suffix == '.npy':
            save_pickled(root / place, content)
        else:
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            write_shape(root / place, content)
        row = {key: content[key] for key in ('id', 'dataset', 'group')}
        rows.append({**row, 'data_path': f'{OPENSHAPE_PREFIX}/{place}'})
    split = root / 'meta_data' / 'split' / 'train_all.json'
    split.parent.mkdir(parents=True, exist_ok=True)
    split.write_text(json.dumps(rows))
    flags = {c['id']: {'flag': 'N' if c['id'] in rejected else 'Y'} for c in records}
    (root / 'meta_data' / 'gpt4_filtering.json').write_text(json.dumps(flags))
    return root


def furniture_folder(root, count=6, points=64):
    """Write a furniture folder with a split file and a class list; nouns are bed, chair, lamp."""
    (root / 'shapes').mkdir(parents=True)
    index = []
    for i in range(count):
        noun = ('bed', 'chair', 'lamp')[i % 3]
        uid = f'{noun}-{i}'
        points_i = cloud(i, points)
        np.savez(
            root / f'shapes/{uid}.npz',
            xyz=points_i['xyz'],
            rgb=np.round(points_i['rgb'] * 255).astype(np.uint8),
            dataset=np.array('Furniture'),
            group=np.array('g'),
            id=np.array(uid),
        )
        index.append(
            dict(
                id=uid,
                name=f'Big {noun}',
                noun=noun,
                captions=[f'big {noun}', f'big {noun} for a home'],
                size_cm=[100.0, 50.0, 200.0],
                up_axis='y',
                shape=f'shapes/{uid}.npz',
                image=f'images/{uid}.png',
            )
        )
    (root / 'index.json').write_text(json.dumps(index))
    ids = [entry['id'] for entry in index]
    split = dict(train=ids[:-2], val=ids[-2:-1], test=ids[-1:])
    (root / 'split.json').write_text(json.dumps(split))
    (root / 'nouns.json').write_text(json.dumps(['bed', 'chair']))
    return root


def pipeline(points=32, policy=None, **sample):
    return [
        dict(type='LoadShape'),
        dict(type='ChooseTextImage', policy=policy or {}),
        dict(type='SamplePoints', num_points=points, **sample),
        dict(type='SwapYZ'),
        dict(type='CenterScaleUnitBall'),
        dict(type='PointDropToFirst'),
        dict(type='RandomScale'),
        dict(type='RandomShift'),
        dict(type='RandomSmallRotation'),
        dict(type='RandomRotationZ'),
        dict(type='ColorDrop'),
        dict(type='PackShapeInputs'),
    ]
