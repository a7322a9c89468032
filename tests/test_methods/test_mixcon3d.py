import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mrd_plugin.evaluation import JointZeroShotAccuracy, ZeroShotAccuracy
from tests.helpers.processes import run_on_ranks
from tests.test_methods.test_shape_methods import (
    DIM,
    build,
    gradients,
    make_batch,
)


def test_loss_is_alignment_plus_the_joint_term():
    model = build('MixCon3D').eval()
    points, samples = make_batch()
    found = model.loss(points, samples)
    student = F.normalize(model(points), dim=-1)
    both = [0, 3, 5, 6]  # of seven, 1 and 2 lack the text and 4 the image
    image = F.normalize(torch.stack([samples[i].image_feat for i in both]), dim=-1)
    text = F.normalize(torch.stack([samples[i].text_feat for i in both]), dim=-1)
    weight, bias = model.joint_head.weight, model.joint_head.bias
    joint = F.normalize(torch.cat([student[both], image], 1) @ weight.T + bias, dim=-1)
    logits = joint @ text.T / 0.07
    own = torch.arange(4)
    expected = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    torch.testing.assert_close(found['align_joint'], expected, atol=1e-5, rtol=1e-5)
    alignment = 0.5 * (found['align_image'] + found['align_text'])
    torch.testing.assert_close(found['loss'], alignment + 0.5 * expected, atol=1e-5, rtol=1e-5)
    found['loss'].backward()
    assert model.joint_head.weight.grad.abs().sum() > 0
    assert model.log_logit_scale_joint.grad != 0
    assert len(model.log_logit_scale) == 2  # separate temperatures are the default


def test_without_joint_weight_it_is_the_aligner():
    points, samples = make_batch()
    ours = build('MixCon3D', loss=dict(type='MixCon3DLoss', joint_weight=0.0))
    base = build('ShapeAligner', separate_logit_scales=True)
    losses = [model.loss(points, samples)['loss'] for model in (ours, base)]
    assert torch.equal(*losses)


def test_a_batch_without_texts_or_images_trains():
    for missing in (dict(without_text=range(7)), dict(without_image=range(7))):
        model = build('MixCon3D')
        found = model.loss(*make_batch(**missing))
        found['loss'].backward()
        assert found['align_joint'] == 0 and found['loss'].isfinite()
        assert all(grad.isfinite().all() for grad in gradients(model).values())


def test_joint_predictions_never_stand_in_for_those_of_points():
    model = build('MixCon3D').eval()
    points, samples = make_batch()
    alone = build('ShapeAligner', separate_logit_scales=True).eval()
    base = alone.predict(points, make_batch()[1])
    found = model.predict(points, samples)
    for ours, theirs in zip(found, base):
        assert torch.equal(ours.embedding, theirs.embedding)
    assert 'joint_embedding' not in found[4]  # it has no image
    joint = model.join(found[0].embedding[None], found[0].teacher_image[None])[0]
    torch.testing.assert_close(found[0].joint_embedding, joint)

    features = np.eye(3, DIM, dtype=np.float32)
    for i, sample in enumerate(found):
        sample.label = torch.tensor(i % 3)
    counts = {}
    for metric in (ZeroShotAccuracy(), JointZeroShotAccuracy()):
        metric.dataset_meta = dict(class_features=features)
        metric.process(None, [sample.to_dict() for sample in found])
        counts[metric.prefix] = metric.compute_metrics(metric.results)
    assert counts['zero_shot']['n'] == 7 and counts['zero_shot_joint']['n'] == 6
    rows = [
        int(np.argmax(features @ s.joint_embedding.numpy()))
        for s in found
        if 'joint_embedding' in s
    ]
    truth = [i % 3 for i in range(7) if i != 4]
    assert counts['zero_shot_joint']['top1'] == np.mean(np.array(rows) == truth)


def _on_rank(rank):
    model = build('MixCon3D').eval()
    points, samples = make_batch()
    mine = slice(0, 4) if rank == 0 else slice(4, 7)
    loss = model.loss(points[mine], samples[mine])['loss']
    loss.backward()
    return float(loss), {name: grad.numpy() for name, grad in gradients(model).items()}


@pytest.mark.ddp
def test_two_ranks_equal_one_process():
    ranks = run_on_ranks(_on_rank)
    model = build('MixCon3D').eval()
    loss = model.loss(*make_batch())['loss']
    loss.backward()
    for value, _ in ranks:
        assert abs(value - float(loss)) < 1e-5
    for name, grad in gradients(model).items():
        mean = (ranks[0][1][name] + ranks[1][1][name]) / 2
        np.testing.assert_allclose(mean, grad.numpy(), atol=1e-5, err_msg=name)
