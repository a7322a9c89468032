import math

import numpy as np
import pytest
import torch
from PIL import Image

from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.studies import reference_baselines
from mrd_plugin.studies.reference_baselines import (
    NUM_DESCRIPTORS,
    fit_ridge,
    icon_logits,
    shape_descriptors,
)
from mrd_plugin.studies.references import (
    HEADLINE,
    STRENGTHS,
    TEACHER_ROW,
    choose_strength,
    reference_rows,
)
from mrd_plugin.studies.shape_table import ShapeTable, predicted_table, score_embeddings
from mrd_plugin.utils.errors import BadSampleError, ConfigError

CLASSES, DIM = 4, 8


def make_table(count=60, seed=0, noise=0.3):
    """Shapes of four classes; hand features and logits carry the class, a little noisily."""
    rng = np.random.default_rng(seed)
    prototypes = np.linalg.qr(rng.normal(size=(DIM, CLASSES)))[0].T.astype(np.float32)
    labels = np.arange(count) % CLASSES

    def blurred(width, amount):
        means = rng.normal(size=(CLASSES, width))
        return means[labels] + amount * rng.normal(size=(count, width))

    return ShapeTable(
        ids=tuple(f's{i}' for i in range(count)),
        names=tuple(f'noun {label} {i % 8}' for i, label in enumerate(labels)),
        labels=labels,
        image=(prototypes[labels] + noise * rng.normal(size=(count, DIM))).astype(np.float32),
        text=prototypes[labels],
        prototypes=prototypes,
        hand=blurred(20, 0.5),
        logits=blurred(30, 0.2),
    )


@pytest.mark.parametrize('shape', [(30, 8), (12, 40)])
def test_ridge_is_the_closed_form(shape):
    rng = np.random.default_rng(0)
    x, y, new = (
        rng.normal(size=shape),
        rng.normal(size=(shape[0], 3)),
        rng.normal(size=(5, shape[1])),
    )
    strength = 0.3
    z = (x - x.mean(0)) / x.std(0)
    penalty = strength * np.trace(z @ z.T) / len(z)
    weights = np.linalg.solve(z.T @ z + penalty * np.eye(shape[1]), z.T @ (y - y.mean(0)))
    expected = y.mean(0) + (new - x.mean(0)) / x.std(0) @ weights
    np.testing.assert_allclose(fit_ridge(x, y, strength).predict(new), expected, atol=1e-9)


def test_ridge_survives_a_constant_column():
    x = np.random.default_rng(0).normal(size=(10, 4))
    x[:, 2] = 7
    assert np.isfinite(fit_ridge(x, x, 0.01).predict(x)).all()


def test_shape_descriptors_describe_shape_and_colour():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(500, 3)), rng.uniform(size=(500, 3))], axis=1)
    plain = shape_descriptors(points)
    assert plain.shape == (NUM_DESCRIPTORS,)
    assert np.isfinite(plain).all()
    moved = points.copy()
    moved[:, :3] = 3 * moved[:, :3] + 5
    np.testing.assert_allclose(shape_descriptors(moved), plain, atol=1e-6)
    swapped = shape_descriptors(points[:, [0, 2, 1, 3, 4, 5]], up=1)
    assert set(np.round(swapped, 6)) >= set(np.round(plain[118:], 6))  # colours do not see the axis
    with_size = shape_descriptors(np.concatenate([points, np.full((500, 1), 2.5)], axis=1))
    np.testing.assert_allclose(with_size, [*plain, 2.5])


def test_shape_descriptors_of_degenerate_clouds_are_finite():
    for points in (np.zeros((5, 3)), np.ones((1, 6)) * 0.5, np.eye(3)):
        assert np.isfinite(shape_descriptors(points)).all()


def test_rows_are_scored_by_the_metrics_of_the_student():
    table = make_table()
    train, val, test = table.ids[:30], table.ids[30:40], table.ids[40:]
    rows = reference_rows(table, test, train + val, train, val)
    assert list(rows) == [
        'chance',
        'random embedding',
        'hand-feature ridge',
        'icon ridge',
        TEACHER_ROW,
    ]
    chance, random = rows['chance'], rows['random embedding']
    assert chance['zero_shot/top1'] == chance['zero_shot/mean_class_top1'] == 1 / CLASSES
    assert chance['zero_shot/top5'] == 1
    key = 'retrieval/text_to_shape/r5'
    assert chance[key] == random['retrieval/text_to_shape/chance_r5']
    assert rows['icon ridge']['zero_shot/top1'] > 0.9 > random['zero_shot/top1']
    assert (
        rows['icon ridge']['zero_shot/n'] == rows['icon ridge']['retrieval/image_to_shape/n'] == 20
    )
    assert math.isnan(rows[TEACHER_ROW]['retrieval/image_to_shape/r1'])
    expected = score_embeddings(table.image[40:], table, np.arange(40, 60))
    assert rows[TEACHER_ROW]['zero_shot/top1'] == expected['zero_shot/top1']
    assert set(HEADLINE) <= set(rows['icon ridge'])


def test_without_logits_or_training_shapes_the_ridges_are_left_out():
    table = make_table()
    assert 'icon ridge' in reference_rows(table, table.ids, table.ids, table.ids, table.ids)
    assert set(reference_rows(table, table.ids)) == {'chance', 'random embedding', TEACHER_ROW}


def test_the_penalty_is_chosen_on_the_validation_rows_alone():
    table = make_table()
    train, val = np.arange(30), np.arange(30, 40)
    chosen = choose_strength(table.hand, table, train, val)
    assert chosen in STRENGTHS
    spoilt = table.hand.copy()
    spoilt[40:] = 1e6
    assert choose_strength(spoilt, table, train, val) == chosen


def test_unknown_ids_are_named():
    with pytest.raises(ConfigError, match='first: other'):
        make_table().rows(['s1', 'other'])


def test_table_of_predictions():
    samples = []
    for i in range(3):
        one = ShapeDataSample(metainfo=dict(sample_id=f's{i}', name='a chair'))
        one.label = torch.tensor(i)
        one.teacher_image = torch.full((DIM,), float(i + 1))
        samples.append(one)
    samples[1].teacher_text = torch.ones(DIM)
    table = predicted_table(samples, torch.eye(DIM)[:3])
    assert table.ids == ('s0', 's1', 's2') and table.hand is None
    assert table.image[:, 0].tolist() == [1, 2, 3]
    assert table.text.any(axis=1).tolist() == [False, True, False]
    assert set(reference_rows(table, table.ids)) == {'chance', 'random embedding', TEACHER_ROW}


def test_icon_logits_are_made_once(tmp_path, monkeypatch):
    made = []

    class Tower:
        def __init__(self, batch_size):
            pass

        def image_logits(self, paths):
            made.extend(paths)
            return torch.stack([torch.full((1000,), float(p.split('_')[-1][0])) for p in paths])

    monkeypatch.setattr(reference_baselines, 'ConSETeacher', Tower)
    paths = []
    for i in range(3):
        paths.append(str(tmp_path / f'icon_{i}.png'))
        Image.new('RGB', (4 + i, 4)).save(paths[-1])
    cache = tmp_path / 'features' / 'logits.npz'
    first = icon_logits(paths, cache)
    assert first.shape == (3, 1000)
    np.testing.assert_array_equal(icon_logits(paths[::-1], cache), first[::-1])
    assert made == paths
    Image.new('RGB', (40, 40)).save(paths[0])
    icon_logits(paths, cache)
    assert made == paths * 2
    with pytest.raises(BadSampleError, match='gone.png'):
        icon_logits([str(tmp_path / 'gone.png')], cache)
