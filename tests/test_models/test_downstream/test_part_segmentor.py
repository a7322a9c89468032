import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.models.downstream.backbone_model import points_with_context
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import ConfigError
from tests.test_methods.test_shape_methods import BACKBONE

PARTS = {0: [0, 1], 1: [2, 3, 4]}


def build(hidden=(), **kwargs):
    torch.manual_seed(0)
    head = dict(type='ClassificationHead', num_classes=5, hidden_channels=hidden, dropout=0.0)
    cfg = dict(type='PartSegmentor', backbone=BACKBONE, head=head, num_categories=2)
    return MODELS.build({**cfg, **kwargs})


def make_batch(categories=(0, 1, 1), count=40):
    random = torch.Generator().manual_seed(1)
    points = torch.rand(len(categories), count, 6, generator=random)
    samples = []
    for category in categories:
        parts = torch.tensor(PARTS.get(category, [0]))
        labels = parts[torch.randint(len(parts), (count,), generator=random)]
        labels[:3] = -1
        samples.append(
            ShapeDataSample(label=torch.tensor(category), point_labels=labels, parts=parts)
        )
    return points, samples


def test_features_are_each_point_s_own_and_the_largest_of_its_shape():
    model = build().eval()
    points, _ = make_batch()
    features = points_with_context(model.backbone, points)
    own = model.backbone.forward_points(points)
    assert features.shape == (3, 40, 2 * own.shape[-1])
    for shape in range(3):
        for point in (0, 17):
            expected = torch.cat([own[shape, point], own[shape].max(0).values])
            torch.testing.assert_close(features[shape, point], expected)


def test_loss_is_the_mean_cross_entropy_of_the_labelled_points():
    model = build(hidden=(8,)).eval()
    points, samples = make_batch()
    found = model(points, samples, mode='loss')
    logits = model.logits(points, torch.tensor([0, 1, 1]))
    assert logits.shape == (3, 40, 5)
    terms = [
        F.cross_entropy(logits[shape, point], samples[shape].point_labels[point])
        for shape in range(3)
        for point in range(3, 40)
    ]
    torch.testing.assert_close(found['loss'], torch.stack(terms).mean())
    assert 0 <= found['accuracy'] <= 1


def test_a_prediction_is_the_best_part_of_the_given_category():
    model = build(hidden=(8,)).eval()
    points, samples = make_batch()
    logits = model.logits(points, torch.tensor([0, 1, 1]))
    for sample, rows in zip(model(points, samples, mode='predict'), logits):
        parts = sample.parts.tolist()
        expected = [max(parts, key=lambda part: float(row[part])) for row in rows]
        assert sample.pred_labels.tolist() == expected


def test_the_category_reaches_the_head_and_may_be_left_out():
    model = build(hidden=(8,)).eval()
    points, samples = make_batch()
    mug, table = (model.logits(points, torch.full((3,), i)) for i in (0, 1))
    assert (mug - table).abs().max() > 1e-4
    blind = build(num_categories=0).eval()
    assert blind(points).shape == (3, 40, 5)
    channels = blind.seg_head.layers[-1].in_features
    assert channels == model.seg_head.layers[0].in_features - 2
    assert blind.loss(points, samples)['loss'].isfinite()


def test_a_linear_probe_moves_the_head_alone():
    model = build(freeze_backbone=True).train()
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    model.loss(*make_batch())['loss'].backward()
    assert not model.backbone.training and model.seg_head.training
    assert all(p.grad is None for p in model.backbone.parameters())
    assert model.seg_head.layers[-1].weight.grad.abs().sum() > 0
    after = model.backbone.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_heights_are_learnt():
    model = build(hidden=(16,)).train()
    points, samples = make_batch(count=64)
    for cloud, sample in zip(points, samples):
        share = cloud[:, 2].argsort().argsort() / 64
        sample.point_labels = sample.parts[(share * len(sample.parts)).long()]
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        loss = model.loss(points, samples)['loss']
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_what_is_wrong_is_said():
    model = build()
    points, samples = make_batch((0, 3, 1))
    with pytest.raises(ConfigError, match='num_categories=2: a sample has the category 0 to 3'):
        model.loss(points, samples)
    points, samples = make_batch()
    del samples[1].point_labels
    with pytest.raises(ConfigError, match='point_labels.*ShapeNetPart'):
        model.loss(points, samples)
    with pytest.raises(ConfigError, match='ClassificationHead has no features of points'):
        head = dict(type='ClassificationHead', in_channels=4, num_classes=2)
        build(backbone=head)
