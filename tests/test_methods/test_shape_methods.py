import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.structures import ShapeDataSample
from tests.helpers.processes import run_on_ranks

DIM = 12
BACKBONE = dict(
    type='PointPatchTransformer',
    dim=16,
    depth=1,
    num_heads=2,
    mlp_dim=16,
    sa_dim=8,
    sa_hidden=8,
    num_patches=4,
    radius=0.7,
    num_neighbours=8,
)
RELATIONS = dict(type='MRDLoss', w_intra=0.7, w_cross=0.4)


def build(kind, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type=kind,
            backbone=BACKBONE,
            head=dict(type='ProjectionHead', in_channels=16, out_channels=DIM),
            teacher=dict(type='SampleFeatureTeacher', dim=DIM),
            **kwargs,
        )
    )


def make_batch(without_text=(1, 2), without_image=(4,), n=7):
    """Points and samples whose features represent what a CLIP model would have said."""
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(n, 40, 6, generator=generator)
    features = torch.randn(2, n, DIM, generator=generator)
    samples = []
    for i in range(n):
        sample = ShapeDataSample(metainfo=dict(sample_id=f's{i}', name=f'n{i % 3}', category=None))
        sample.set_metainfo(dict(text=None, image_path=None))
        if i not in without_image:
            sample.image_feat = features[0, i]
        if i not in without_text:
            sample.text_feat = features[1, i]
        samples.append(sample)
    return points, samples


def gradients(model):
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize('kind', ['ShapeAligner', 'MRD'])
def test_three_modes(kind):
    model = build(kind)
    points, samples = make_batch()
    assert model(points).shape == (7, DIM)
    losses = model(points, samples, mode='loss')
    losses['loss'].backward()
    assert all(p.grad is not None for p in model.backbone.parameters())
    assert not any('teacher' in name for name, _ in model.named_parameters())
    out = model.eval()(points, samples, mode='predict')
    torch.testing.assert_close(out[0].embedding.norm(), torch.tensor(1.0))
    assert 'teacher_text' not in out[1] and 'teacher_image' in out[1]
    with pytest.raises(ValueError, match='mode must be'):
        model(points, samples, mode='train')


@pytest.mark.parametrize('kind', ['ShapeAligner', 'MRD'])
def test_batch_without_any_text_trains_on_images(kind):
    model = build(kind)
    points, samples = make_batch(without_text=range(7))
    losses = model.loss(points, samples)
    losses['loss'].backward()
    assert losses['loss'].isfinite() and losses['align_text'] == 0
    assert all(grad.isfinite().all() for grad in gradients(model).values())


def test_separate_scales_get_gradients_of_their_own():
    model = build('ShapeAligner', separate_logit_scales=True)
    model.loss(*make_batch(without_text=range(7)))['loss'].backward()
    image, text = model.log_logit_scale.grad
    assert image != 0 and text == 0


def test_logit_scale_is_clamped():
    model = build('ShapeAligner', init_logit_scale=500.0)
    assert all(abs(float(scale) - 100) < 1e-3 for scale in model.logit_scales())


def test_a_logit_scale_at_its_bound_can_come_down():
    model = build('ShapeAligner', init_logit_scale=101.0)
    model.logit_scales()[0].backward()
    with torch.no_grad():
        model.log_logit_scale -= 0.01 * model.log_logit_scale.grad.sign()
    assert float(model.logit_scales()[0]) == pytest.approx(100 * math.exp(-0.01))


@pytest.mark.parametrize('kind', ['ShapeAligner', 'MRD'])
def test_logit_scales_are_logged(kind):
    log = build(kind, init_logit_scale=20.0).loss(*make_batch())
    assert float(log['logit_scale']) == pytest.approx(20) and not log['logit_scale'].requires_grad
    log = build(kind, separate_logit_scales=True).loss(*make_batch())
    assert {'logit_scale_image', 'logit_scale_text'} <= set(log)


def test_test_views_are_averaged_unit_embeddings():
    model = build('ShapeAligner', num_test_views=2).eval()
    points, samples = make_batch()
    views = [F.normalize(model(view), dim=-1) for view in points.split(20, dim=1)]
    expected = F.normalize(views[0] + views[1], dim=-1)
    out = model.predict(points, samples)
    torch.testing.assert_close(torch.stack([sample.embedding for sample in out]), expected)


def test_head_and_teacher_must_agree():
    with pytest.raises(ValueError, match=r'set model.head.out_channels=12'):
        MODELS.build(
            dict(
                type='MRD',
                backbone=BACKBONE,
                head=dict(type='ProjectionHead', in_channels=16, out_channels=8),
                teacher=dict(type='SampleFeatureTeacher', dim=DIM),
            )
        )


def _on_rank(rank, kind):
    model = build(kind, **({'loss': RELATIONS} if kind == 'MRD' else {})).eval()
    points, samples = make_batch()
    mine = slice(0, 4) if rank == 0 else slice(4, 7)  # two texts of four, and three of three
    loss = model.loss(points[mine], samples[mine])['loss']
    loss.backward()
    return float(loss), {name: grad.numpy() for name, grad in gradients(model).items()}


@pytest.mark.ddp
@pytest.mark.parametrize('kind', ['ShapeAligner', 'MRD'])
def test_two_ranks_equal_one_process_on_the_joined_batch(kind):
    """Unequal batch sizes and unequal text counts; batch norm in eval mode, as it is not shared."""
    ranks = run_on_ranks(_on_rank, kind)
    model = build(kind, **({'loss': RELATIONS} if kind == 'MRD' else {})).eval()
    loss = model.loss(*make_batch())['loss']
    loss.backward()
    single = gradients(model)
    for rank_loss, _ in ranks:
        assert abs(rank_loss - float(loss)) < 1e-5
    assert ranks[0][1].keys() == single.keys()
    for name, grad in single.items():
        mean = (ranks[0][1][name] + ranks[1][1][name]) / 2  # what DistributedDataParallel does
        np.testing.assert_allclose(mean, grad.numpy(), atol=1e-5, err_msg=name)
