"""A tiny run, as data and as a folder."""

import numpy as np
from PIL import Image

from mrd_plugin.reports.figures.point_cloud import pack_cloud
from mrd_plugin.reports.shape_page import ReportData
from mrd_plugin.studies.references import reference_rows
from mrd_plugin.studies.shape_table import ShapeTable, score_embeddings

NOUNS = ('chair', 'lamp', 'bed <b>')
DIM = 6


def shape_table(count=12, seed=0):
    rng = np.random.default_rng(seed)
    prototypes = np.eye(DIM, dtype=np.float32)[: len(NOUNS)]
    labels = np.arange(count) % len(NOUNS)
    blurred = (prototypes[labels] + 0.2 * rng.normal(size=(count, DIM))).astype(np.float32)
    return ShapeTable(
        ids=tuple(f'id-{i}' for i in range(count)),
        names=tuple(f'{NOUNS[label]} {i // 6}' for i, label in enumerate(labels)),
        labels=labels,
        image=blurred,
        text=prototypes[labels],
        prototypes=prototypes,
        hand=rng.normal(size=(count, 5)),
    )


def scalars(epochs=range(1, 6)):
    """What MRD logs, by name: epochs and values."""
    values = {
        'lr': lambda e: 0.001,
        'time': lambda e: 0.6,
        'loss': lambda e: 5 / e,
        'align_image': lambda e: 2 / e,
        'align_text': lambda e: 3 / e,
        'intra': lambda e: 1 / e,
        'intra_entropy_teacher': lambda e: 0.7,
        'intra_entropy_student': lambda e: 1 - e / 10,
        'cross': lambda e: 0.5 / e,
        'weight_intra': lambda e: 1 + e / 100,
        'weight_cross': lambda e: 1 - e / 100,
        'weight_intra_alpha': lambda e: 0.5 + e / 50,
        'scale_image': lambda e: 14 + e,
        'logit_scale': lambda e: 14 + e,
        'match_image': lambda e: e / 10,
        'grad_norm': lambda e: 1.0,
    }
    return {name: (list(epochs), [value(e) for e in epochs]) for name, value in values.items()}


def report_data(tmp_path):
    table = shape_table()
    rng = np.random.default_rng(1)
    embedding = table.text + 0.3 * rng.normal(size=table.text.shape)
    embedding = (embedding / np.linalg.norm(embedding, axis=1, keepdims=True)).astype(np.float32)
    images = []
    for i in range(len(table.ids)):
        images.append(str(tmp_path / f'{i}.png'))
        Image.new('RGBA', (140, 100), (10 * i, 0, 200, 255)).save(images[-1])
    metrics = score_embeddings(embedding, table, np.arange(len(table.ids)))
    return ReportData(
        title='tiny',
        subtitle='a run',
        student='MRD (this run)',
        metrics=metrics,
        references=reference_rows(table, table.ids),
        table=table,
        embedding=embedding,
        nouns=[NOUNS[label] for label in table.labels],
        classes=NOUNS,
        images=images,
        cloud=lambda row: pack_cloud(rng.normal(size=(40, 3)), None),
        scalars=scalars(),
        held_out={'zero_shot/top1': ([2.0, 5.0], [0.2, 0.4])},
        unit='epoch',
        train_minutes=1.5,
        n_train=30,
        records={
            name: dict(id=name, name='A <chair>', creator='Ann & Bob', licence='CC-BY-3.0')
            for name in table.ids[:9]
        },
        attribution='# Attribution\n| x | <y> |\n',
    )
