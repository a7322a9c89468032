import pytest
import torch

from mrd_plugin.evaluation import PartIoU


def evaluate(rows, classes=('mug', 'table', 'lamp')):
    metric = PartIoU()
    metric.dataset_meta = dict(classes=classes)
    samples = [
        dict(
            label=torch.tensor(label),
            parts=torch.tensor(parts),
            point_labels=torch.tensor(truth),
            pred_labels=torch.tensor(predicted),
        )
        for label, parts, truth, predicted in rows
    ]
    metric.process(None, samples)
    return metric.evaluate(len(samples))


MUG, TABLE = (0, [0, 1]), (1, [2, 3, 4])


def test_shapes_and_categories_count_each_for_themselves():
    found = evaluate(
        [
            (*MUG, [0, 0, 1, 1], [0, 1, 1, 1]),  # 1/2 and 2/3
            (*MUG, [0, 0, 0, 0], [0, 0, 0, 0]),  # 1, and the second part is nowhere: 1
            (*TABLE, [2, 3, 4, -1], [2, 4, 4, 3]),  # 1, 0 and 1/2; a point is left out
        ]
    )
    first, table = (1 / 2 + 2 / 3) / 2, (1 + 0 + 1 / 2) / 3
    assert found['parts/instance_miou'] == pytest.approx((first + 1 + table) / 3)
    assert found['parts/class_miou'] == pytest.approx(((first + 1) / 2 + table) / 2)
    assert found['parts/iou_mug'] == pytest.approx((first + 1) / 2)
    assert found['parts/iou_table'] == pytest.approx(table)
    assert found['parts/accuracy'] == pytest.approx((3 + 4 + 2) / 11)
    assert found['parts/n'] == 3 and found['parts/n_classes'] == 2
    assert 'parts/iou_lamp' not in found


def test_a_part_that_is_only_predicted_costs():
    found = evaluate([(*MUG, [0, 0, 0, 0], [0, 0, 0, 1])])
    assert found['parts/instance_miou'] == pytest.approx((3 / 4 + 0) / 2)


def test_order_of_points_changes_nothing():
    random = torch.Generator().manual_seed(0)
    truth = torch.randint(2, 5, (60,), generator=random)
    predicted = torch.randint(2, 5, (60,), generator=random)
    order = torch.randperm(60, generator=random)
    one = evaluate([(*TABLE, truth.tolist(), predicted.tolist())])
    other = evaluate([(*TABLE, truth[order].tolist(), predicted[order].tolist())])
    assert one == other and 0.1 < one['parts/instance_miou'] < 0.35  # chance is a fifth
