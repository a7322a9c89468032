"""A tiny ShapeNetPart."""

import json

import numpy as np

from mrd_plugin.datasets.shapes.shapenet_part import parts_of

SYNSETS = {'Mug': '03797390', 'Table': '04379243'}


def make_shapenetpart(root, shapes=(3, 1, 2), count=120):
    """Write mugs (two parts) and tables (three), so many of each in the three lists.

    A point's part goes by its height, y in the files: parts lie above each other, between 0 and 1.
    """
    random = np.random.default_rng(0)
    (root / 'train_test_split').mkdir(parents=True)
    named = ''.join(f'{name}\t{synset}\n' for name, synset in SYNSETS.items())
    (root / 'synsetoffset2category.txt').write_text(named)
    for split, number in zip(('train', 'val', 'test'), shapes):
        listed = []
        for category, synset in SYNSETS.items():
            (root / synset).mkdir(exist_ok=True)
            for shape in range(number):
                xyz = random.uniform(0, 1, (count, 3))
                xyz[:, 0] *= 1.2
                parts = parts_of(category)
                label = parts.start + np.floor(xyz[:, 1] * len(parts))
                table = np.column_stack([xyz, np.zeros((count, 3)), label])
                np.savetxt(root / synset / f'{split}{shape}.txt', table, fmt='%.6f')
                listed.append(f'shape_data/{synset}/{split}{shape}')
        path = root / 'train_test_split' / f'shuffled_{split}_file_list.json'
        path.write_text(json.dumps(listed))
    return root
