import numpy as np
import pytest
import torch

from mrd_plugin.evaluation import ShapeAccuracy
from mrd_plugin.studies.probes import (
    CentreScale,
    accuracies,
    few_shot_probe,
    knn_probe,
    linear_probe,
)
from mrd_plugin.utils.errors import ConfigError


def blobs(per_class=12, classes=4, spread=0.3, seed=0, dim=6):
    """Well separated classes."""
    rng = np.random.default_rng(seed)
    centres = 4 * np.eye(classes, dim)
    labels = np.repeat(np.arange(classes), per_class)
    return centres[labels] + spread * rng.normal(size=(len(labels), dim)), labels


def test_accuracies_by_hand():
    found = accuracies(np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 2]))
    assert found == {
        'accuracy/n': 5,
        'accuracy/top1': 3 / 5,
        'accuracy/mean_class_top1': pytest.approx((2 / 3 + 1 + 0) / 3),
    }


def test_excluded_classes_have_figures_of_their_own():
    predicted, labels = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 2])
    found = accuracies(predicted, labels, {'accuracy_without': [0]})
    assert found['accuracy/top1'] == 3 / 5
    assert found['accuracy_without/n'] == 2 and found['accuracy_without/top1'] == 0.5
    assert found['accuracy_without/mean_class_top1'] == 0.5


@pytest.mark.parametrize('fit', [linear_probe, knn_probe])
def test_separable_classes_are_told_apart_and_noise_is_not(fit):
    train, test = blobs(), blobs(per_class=30, seed=1)
    model = fit(*train)
    assert (model.predict(test[0]) == test[1]).mean() == 1
    rng = np.random.default_rng(0)
    noise = fit(rng.normal(size=train[0].shape), train[1])
    assert (noise.predict(rng.normal(size=test[0].shape)) == test[1]).mean() < 0.45


def test_linear_probe_does_not_see_scale_place_or_rotation_of_the_features():
    train, test = blobs(spread=2.0), blobs(spread=2.0, per_class=30, seed=1)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]

    def moved(features):
        return 1e3 * features @ turn + 5.0

    one, other = linear_probe(*train), linear_probe(moved(train[0]), train[1])
    assert one.best_params_ == other.best_params_
    agree = one.predict(test[0]) == other.predict(moved(test[0]))
    assert agree.mean() > 0.99  # the solver stops at 1e-4, so a tie may turn


def test_features_are_centred_and_scaled_by_one_number():
    features = np.array([[1.0, 10.0], [2.0, 20.0], [6.0, 60.0]])
    scaled = CentreScale().fit(features).transform(features)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.var(0).mean(), 1)
    ratio = (features - features.mean(0)) / scaled
    np.testing.assert_allclose(ratio[:, 1], ratio[0, 0])
    assert (CentreScale().fit(np.ones((3, 2))).transform(np.ones((3, 2))) == 0).all()


def test_neighbours_are_by_cosine():
    train = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.1], [0.1, 2.0]])
    model = knn_probe(train, np.array([0, 1, 0, 1]))
    assert model.predict(np.array([[100.0, 1.0], [0.01, 0.1]])).tolist() == [0, 1]


def test_validation_rows_choose_and_are_fitted_on():
    """Labels of the validation rows are noise: the penalty that ignores the features is chosen."""
    features, labels = blobs(per_class=20, classes=2, spread=1.0)
    validation = np.zeros(len(labels), bool)
    validation[::2] = True
    wrong = labels.copy()
    wrong[validation] = 1 - wrong[validation]
    strong = linear_probe(features, labels, validation).best_score_
    weak = linear_probe(features, wrong, validation).best_score_
    assert strong > 0.95 and weak < 0.3  # scored on the validation rows alone
    moved = linear_probe(features, wrong, validation).predict(features[validation])
    plain = linear_probe(features[~validation], labels[~validation]).predict(features[validation])
    assert (moved != plain).any()  # the last fit has seen the validation rows


def test_shots_are_counted_drawn_anew_and_the_same_for_every_backbone():
    train, test = blobs(per_class=9, spread=2.5), blobs(per_class=20, spread=2.5, seed=1)
    one = few_shot_probe(train, test, 2, draws=4)
    assert [found['shots'] for found in one] == [2] * 4
    assert [found['accuracy/n'] for found in one] == [80] * 4
    assert len({found['accuracy/top1'] for found in one}) > 1
    assert one == few_shot_probe(train, test, 2, draws=4)
    more = few_shot_probe(train, test, 9, draws=4)
    assert len({found['accuracy/top1'] for found in more}) == 1  # every draw has all shapes
    assert np.mean([f['accuracy/top1'] for f in more]) > np.mean([f['accuracy/top1'] for f in one])


def test_ways_limit_train_and_test_alike():
    train, test = blobs(), blobs(per_class=20, seed=1)
    found = few_shot_probe(train, test, 5, ways=2, draws=3)
    assert [f['accuracy/n'] for f in found] == [40] * 3
    assert [f['accuracy/top1'] for f in found] == [1] * 3
    rare = (train[0][:14], train[1][:14])  # 12 of class 0, two of class 1
    assert few_shot_probe(rare, test, 5, draws=1)[0]['shots'] == 3.5
    with pytest.raises(ConfigError, match='ways=5: only 4 classes'):
        few_shot_probe(train, test, 5, ways=5)


def test_classifier_metric_has_a_name_of_its_own():
    metric = ShapeAccuracy()
    scores = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.4, 0.6]])
    samples = [dict(scores=row, label=torch.tensor(y)) for row, y in zip(scores, [1, 1, 1])]
    metric.process(None, samples)
    assert metric.prefix == 'accuracy' and metric.compute_metrics(metric.results)['top1'] == 2 / 3
