import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS

import mrd_plugin  # noqa: F401
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import ConfigError


def samples(scores, labels):
    made = []
    for row, label in zip(scores, labels):
        one = ShapeDataSample(metainfo=dict(name='n'))
        one.scores = torch.as_tensor(row, dtype=torch.float32)
        one.label = torch.tensor(int(label))
        made.append(one)
    return made


def evaluate(parts):
    evaluator = Evaluator(METRICS.build(dict(type='ZeroShotAccuracy')))
    for part in parts:
        evaluator.process(part)
    return evaluator.evaluate(sum(map(len, parts)))


def test_against_a_slow_count():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(200, 7)), rng.integers(-1, 6, 200)
    found = evaluate([samples(scores, labels)])
    kept = [(row, label) for row, label in zip(scores, labels) if label >= 0]
    for k in (1, 3, 5):
        hits = [label in np.argsort(-row)[:k] for row, label in kept]
        assert found[f'zero_shot/top{k}'] == pytest.approx(np.mean(hits))
    per_class = [np.mean([r.argmax() == c for r, lab in kept if lab == c]) for c in range(6)]
    assert found['zero_shot/mean_class_top1'] == pytest.approx(np.mean(per_class))
    assert found['zero_shot/n'] == len(kept)
    assert found['zero_shot/n_classes'] == 7
    assert found['zero_shot/chance_top1'] == pytest.approx(1 / 7)


def test_two_parts_equal_the_whole():
    rng = np.random.default_rng(1)
    made = samples(rng.normal(size=(50, 5)), rng.integers(-1, 5, 50))
    assert evaluate([made]) == evaluate([made[:13], made[13:]])


def test_ties_and_nan_count_against():
    assert evaluate([samples(np.zeros((4, 6)), range(4))])['zero_shot/top5'] == 0
    assert evaluate([samples(np.full((4, 6), np.nan), range(4))])['zero_shot/top5'] == 0
    two_best = np.array([[1.0, 1.0, 0, 0]])
    found = evaluate([samples(two_best, [0])])
    assert found['zero_shot/top1'] == 0 and found['zero_shot/top3'] == 1


def test_no_labelled_sample_gives_n_zero():
    found = evaluate([samples(np.zeros((3, 4)), [-1, -1, -1])])
    assert found['zero_shot/n'] == 0 and found['zero_shot/top1'] == 0


def test_class_features_of_the_data_set_score_a_model_without_classifier():
    rng = np.random.default_rng(2)
    features, embeddings = rng.normal(size=(4, 8)), rng.normal(size=(30, 8))
    made = samples(np.zeros((30, 0)), rng.integers(0, 4, 30))
    for one, embedding in zip(made, embeddings):
        del one.scores
        one.embedding = torch.as_tensor(embedding, dtype=torch.float32)
    metric = METRICS.build(dict(type='ZeroShotAccuracy'))
    with pytest.raises(ConfigError, match='set model.classifier or the class_feat_file'):
        metric.process(None, [one.to_dict() for one in made])
    metric.dataset_meta = dict(class_features=features * 3)
    metric.process(None, [one.to_dict() for one in made])
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    predicted = (embeddings @ unit.T).argmax(1)
    expected = np.mean([int(one.label) == p for one, p in zip(made, predicted)])
    assert metric.evaluate(30)['zero_shot/top1'] == pytest.approx(expected)


def test_excluded_classes_are_left_out_but_stay_among_the_answers():
    metric = METRICS.build(dict(type='ZeroShotAccuracy', exclude=('cat',), prefix='seen'))
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = dict(classes=('dog', 'cat', 'cow'))
    scores = np.array([[3.0, 2, 1], [3, 2, 1], [0, 5, 1], [0, 1, 5]])
    evaluator.process(samples(scores, [0, 1, 2, 2]))
    found = evaluator.evaluate(4)
    assert found['seen/n'] == 3 and found['seen/n_classes'] == 3
    assert found['seen/top1'] == pytest.approx(2 / 3)  # a cow was taken for an excluded cat

    metric = METRICS.build(dict(type='ZeroShotAccuracy', exclude=('unicorn',)))
    metric.dataset_meta = dict(classes=('dog',))
    with pytest.raises(ConfigError, match='unicorn.*not among the 1 classes'):
        metric.process(None, samples(scores[:1], [0]))
