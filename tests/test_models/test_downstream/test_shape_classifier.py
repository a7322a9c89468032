import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.structures import ShapeDataSample
from tests.test_methods.test_shape_methods import BACKBONE


def build(hidden=(), **kwargs):
    torch.manual_seed(0)
    head = dict(
        type='ClassificationHead',
        in_channels=16,
        num_classes=4,
        hidden_channels=hidden,
        dropout=0.0,
    )
    return MODELS.build(dict(type='ShapeClassifier', backbone=BACKBONE, head=head, **kwargs))


def make_batch(labels):
    points = torch.rand(len(labels), 40, 6, generator=torch.Generator().manual_seed(1))
    samples = [ShapeDataSample(label=torch.tensor(label)) for label in labels]
    return points, samples


@pytest.mark.parametrize('smoothing', [0.0, 0.3])
def test_loss_is_smoothed_cross_entropy_of_the_labelled(smoothing):
    model = build(label_smoothing=smoothing).eval()
    labels = [2, 0, -1, 3, 3]
    points, samples = make_batch(labels)
    found = model(points, samples, mode='loss')
    log_p = F.log_softmax(model(points), dim=1)
    expected = 0.0
    for row, label in enumerate(labels):
        if label >= 0:
            target = torch.full((4,), smoothing / 4)
            target[label] += 1 - smoothing
            expected = expected - (target * log_p[row]).sum() / 4
    torch.testing.assert_close(found['loss'], expected)
    right = sum(int(log_p[i].argmax()) == label for i, label in enumerate(labels))
    assert found['accuracy'] == right / 4


def test_a_batch_without_labels_is_exactly_zero():
    model = build()
    loss = model.loss(*make_batch([-1, -1, -1]))['loss']
    loss.backward()
    assert loss == 0
    assert all(p.grad.isfinite().all() for p in model.cls_head.parameters())


def test_a_frozen_backbone_gets_no_gradient_and_keeps_its_statistics():
    model = build(hidden=(8,), freeze_backbone=True)
    model.train()
    assert model.training and model.cls_head.training and not model.backbone.training
    assert not any(module.training for module in model.backbone.modules())
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.loss(*make_batch([0, 1, 2]))['loss'].backward()
    optimiser.step()
    assert all(p.grad is None for p in model.backbone.parameters())
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(before[key], value), key


def test_fine_tuning_reaches_the_backbone_and_moves_its_statistics():
    model = build(hidden=(8,)).train()
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    model.loss(*make_batch([0, 1, 2]))['loss'].backward()
    assert all(p.grad is not None for p in model.backbone.parameters())
    running = [key for key in before if 'running_mean' in key]
    after = model.backbone.state_dict()
    assert running and all(not torch.equal(before[key], after[key]) for key in running)


def test_scores_are_probabilities_averaged_over_views():
    model = build(num_test_views=2).eval()
    points, samples = make_batch([0, 1])
    out = model.predict(points, samples)
    views = [model(view).softmax(1) for view in points.split(20, dim=1)]
    torch.testing.assert_close(torch.stack([s.scores for s in out]), (views[0] + views[1]) / 2)
    torch.testing.assert_close(out[0].scores.sum(), torch.tensor(1.0))
    with pytest.raises(ValueError, match='mode must be'):
        model(points, samples, mode='train')


def test_a_linear_probe_does_not_depend_on_the_scale_of_the_features():
    head = MODELS.build(dict(type='ClassificationHead', in_channels=16, num_classes=4)).train()
    features = torch.randn(50, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(head(features), head(1000 * features), atol=1e-4, rtol=1e-4)
