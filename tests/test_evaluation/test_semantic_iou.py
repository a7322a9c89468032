import numpy as np
import pytest
import torch

from mrd_plugin.evaluation import SemanticIoU


def evaluate(pairs, classes=('car', 'road', 'tree')):
    metric = SemanticIoU()
    metric.dataset_meta = dict(classes=classes)
    samples = [
        dict(point_labels=torch.tensor(truth), pred_labels=torch.tensor(predicted))
        for truth, predicted in pairs
    ]
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_figures_of_two_sweeps_are_those_of_all_their_points_together():
    found = evaluate([([0, 0, 1, 1, 2], [0, 1, 1, 1, 2]), ([2, -1], [0, 1])])
    # car: 1 right of {2 true, 2 predicted}; road: 2 of {2, 3}; tree: 1 of {2, 1}
    assert found['segmentation/iou_car'] == pytest.approx(1 / 3)
    assert found['segmentation/iou_road'] == pytest.approx(2 / 3)
    assert found['segmentation/iou_tree'] == pytest.approx(1 / 2)
    assert found['segmentation/miou'] == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)
    assert found['segmentation/accuracy'] == pytest.approx(4 / 6)
    assert found['segmentation/n_points'] == 6
    assert found['segmentation/n_samples'] == 2


def test_a_class_that_is_nowhere_is_left_out_of_the_mean_and_one_only_predicted_is_not():
    found = evaluate([([0, 0, 1], [0, 0, 1])])
    assert found['segmentation/miou'] == 1
    assert found['segmentation/n_classes'] == 2
    assert 'segmentation/iou_tree' not in found
    found = evaluate([([0, 0, 1], [0, 2, 1])])
    assert found['segmentation/iou_tree'] == 0
    assert found['segmentation/miou'] == pytest.approx((1 / 2 + 1 + 0) / 3)


def test_order_and_split_of_the_points_change_nothing():
    random = np.random.default_rng(0)
    truth, predicted = random.integers(-1, 3, 200), random.integers(0, 3, 200)
    whole = evaluate([(truth, predicted)])
    order = random.permutation(200)
    parts = [(truth[rows], predicted[rows]) for rows in np.split(order, [50, 130])]
    split = evaluate(parts)
    for key in whole:
        if key != 'segmentation/n_samples':
            assert split[key] == whole[key], key


def test_without_a_labelled_point_there_is_nothing_to_score():
    found = evaluate([([-1, -1], [0, 1])])
    assert found['segmentation/n_points'] == 0
    assert found['segmentation/miou'] == 0
