"""Both stages of TAMM on features of known geometry."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS, MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.methods.contrast.info_nce import info_nce
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import CheckpointError, ConfigError
from tests.helpers.processes import run_on_ranks
from tests.test_methods.test_shape_methods import BACKBONE, DIM

ADAPTER = dict(type='CLIPImageAdapter', dim=DIM)
TEACHER = dict(type='SampleFeatureTeacher', dim=DIM)
V = 3


def build_first(**kwargs):
    torch.manual_seed(0)
    settings = dict(type='TAMMImageAdapter', adapter=ADAPTER, teacher=TEACHER)
    return MODELS.build({**settings, **kwargs})


def build(checkpoint='', **kwargs):
    torch.manual_seed(0)
    head = dict(type='DualAdapter', in_channels=16, hidden_channels=20, out_channels=DIM)
    settings = dict(
        type='TAMM',
        backbone=BACKBONE,
        head=head,
        teacher=TEACHER,
        image_adapter=ADAPTER,
        image_adapter_checkpoint=str(checkpoint),
        num_views=V,
    )
    return MODELS.build({**settings, **kwargs})


@pytest.fixture(scope='module')
def first_stage(tmp_path_factory):
    """A work_dir of stage 1 with a chosen checkpoint, as the runner writes it."""
    folder = tmp_path_factory.mktemp('stage1')
    model = build_first()
    torch.save(dict(state_dict=model.state_dict()), folder / 'best_retrieval_r5_epoch_3.pth')
    return folder


@pytest.fixture
def model(first_stage):
    model = build(first_stage)
    model.init_weights()
    return model


def make_batch(n=7, without_text=(1, 2), without_views=(4,)):
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(n, 40, 6, generator=generator)
    text = torch.randn(n, DIM, generator=generator)
    views = torch.randn(n, V, DIM, generator=generator)
    samples = []
    for i in range(n):
        sample = ShapeDataSample(metainfo=dict(sample_id=f's{i}', name=f'n{i % 3}', category=None))
        if i not in without_views:
            sample.image_feat, sample.image_feats = views[i, 0], views[i]
        if i not in without_text:
            sample.text_feat = text[i]
        samples.append(sample)
    return points, samples


# stage 1


def test_first_stage_is_info_nce_over_shapes_with_both():
    model = build_first()
    points, samples = make_batch()
    losses = model(points, samples, mode='loss')
    rows = [0, 3, 5, 6]
    image = F.normalize(model(torch.stack([samples[i].image_feat for i in rows])), dim=-1)
    text = F.normalize(torch.stack([samples[i].text_feat for i in rows]), dim=-1)
    torch.testing.assert_close(losses['loss'], info_nce(image @ text.T, torch.tensor(1 / 0.07)))
    losses['loss'].backward()
    names = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert names == {'adapter.down.weight', 'adapter.up.weight', 'log_logit_scale'}
    assert float(losses['logit_scale']) == pytest.approx(1 / 0.07)


def test_first_stage_brings_images_to_texts():
    """The images' directions are those of the texts with the axes renamed."""
    text = torch.rand(60, DIM, generator=torch.Generator().manual_seed(0)) ** 4
    image = text.roll(1, dims=1)
    samples = []
    for i in range(60):
        sample = ShapeDataSample(metainfo=dict(sample_id=f's{i}', name=f'n{i:02d}'))
        sample.image_feat, sample.text_feat = image[i], text[i]
        samples.append(sample)
    model = build_first(adapter=dict(ADAPTER, reduction=1, ratio=0.9))

    def recall():
        evaluator = Evaluator(METRICS.build(dict(type='CrossModalRetrieval')))
        evaluator.process(model.predict(torch.empty(60, 0), samples))
        return evaluator.evaluate(60)

    before = recall()
    assert not any('image_to_shape' in key for key in before)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        model.loss(torch.empty(60, 0), samples)['loss'].backward()
        optimizer.step()
    key = 'retrieval/shape_to_text/r5'
    assert before[key] < 0.5 and recall()[key] > before[key] + 0.3


def test_first_stage_has_no_use_for_another_dim():
    with pytest.raises(ValueError, match='set model.adapter.dim=12'):
        build_first(adapter=dict(ADAPTER, dim=8))


# stage 2


def test_loss_by_hand(model):
    points, samples = make_batch()
    model.eval()
    losses = model(points, samples, mode='loss')
    z_image, z_text = (F.normalize(z, dim=-1) for z in model.branches(points))
    scale = torch.tensor(1 / 0.07)
    with_views, with_text = [0, 1, 2, 3, 5, 6], [0, 3, 4, 5, 6]
    expected = 0.0
    for k in range(V):
        view = torch.stack([samples[i].image_feats[k] for i in with_views])
        view = F.normalize(model.image_adapter(view), dim=-1)
        expected = expected + info_nce(z_image[with_views] @ view.T, scale)
    text = F.normalize(torch.stack([samples[i].text_feat for i in with_text]), dim=-1)
    expected = expected + info_nce(z_text[with_text] @ text.T, scale)
    torch.testing.assert_close(losses['loss'], expected, atol=1e-5, rtol=1e-5)


def test_the_adapter_stays_as_stage_1_left_it(model, first_stage):
    trained = torch.load(next(first_stage.glob('best_*.pth')), weights_only=True)['state_dict']
    model.train()
    assert model.head.training and not model.image_adapter.training
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    points, samples = make_batch()
    model.loss(points, samples)['loss'].backward()
    optimizer.step()
    for name, value in model.image_adapter.state_dict().items():
        assert torch.equal(value, trained[f'adapter.{name}'])
    assert all(p.grad is None for p in model.image_adapter.parameters())
    assert all(p.grad is not None for p in (*model.backbone.parameters(), *model.head.parameters()))
    assert model.log_logit_scale.shape == (1,)


def test_zero_shot_ranks_as_the_published_score(model):
    points, _ = make_batch()
    model.eval()
    classes = F.normalize(torch.randn(5, DIM), dim=-1)
    z_image, z_text = (F.normalize(z, dim=-1) for z in model.branches(points))
    published = z_text @ classes.T + 0.5 * z_image @ classes.T
    ours = model(points) @ classes.T
    assert torch.equal(ours.argsort(1), published.argsort(1))
    length = (z_text + 0.5 * z_image).norm(dim=-1, keepdim=True)
    torch.testing.assert_close(ours * length, published)


def test_each_query_meets_its_own_subspace(model):
    points, samples = make_batch()
    out = model.eval()(points, samples, mode='predict')
    z_image, z_text = (F.normalize(z, dim=-1) for z in model.branches(points))
    for i, sample in enumerate(out):
        torch.testing.assert_close(sample.embedding_image, z_image[i])
        torch.testing.assert_close(sample.embedding_text, z_text[i])
    adapted = F.normalize(model.image_adapter(samples[0].image_feat), dim=-1)
    torch.testing.assert_close(out[0].teacher_image, adapted)
    assert 'teacher_image' not in out[4] and 'teacher_text' not in out[1]


def test_test_views_are_averaged_in_each_subspace(first_stage):
    model = build(first_stage, num_test_views=2).eval()
    points, samples = make_batch()
    out = model(points, samples, mode='predict')
    halves = [model.branches(half)[1] for half in points.chunk(2, dim=1)]
    mean = F.normalize(sum(F.normalize(z, dim=-1) for z in halves), dim=-1)
    torch.testing.assert_close(out[3].embedding_text, mean[3])


def test_features_for_probes(model):
    points, _ = make_batch()
    model.eval()
    image, text = model.branches(points)
    assert torch.equal(model.features(points), model.backbone(points))
    torch.testing.assert_close(model.features(points, 'image'), image)
    torch.testing.assert_close(model.features(points, 'both'), torch.cat([text, image], 1))
    torch.testing.assert_close(model.features(points, 'embedding'), model.embed(points))
    assert set(model.FEATURES) == {'backbone', 'embedding', 'image', 'text', 'both'}


def test_batch_without_any_text(model):
    points, samples = make_batch(without_text=range(7))
    losses = model.train().loss(points, samples)
    losses['loss'].backward()
    assert losses['align_text'] == 0 and losses['align_image'] > 0
    assert all(p.grad.isfinite().all() for p in model.head.parameters())


def test_more_views_than_the_model_expects(first_stage):
    model = build(first_stage, num_views=2)
    model.init_weights()
    with pytest.raises(ConfigError, match='3 images each, but model.num_views is 2'):
        model.loss(*make_batch())


# the checkpoint of stage 1


def test_a_checkpoint_of_stage_2_needs_no_stage_1(model, tmp_path):
    again = build(tmp_path / 'gone')
    again.init_weights()  # the runner's order when it resumes
    again.load_state_dict(model.state_dict())
    points, samples = make_batch()
    again.eval(), model.eval()
    assert torch.equal(again.loss(points, samples)['loss'], model.loss(points, samples)['loss'])


def test_missing_checkpoint(tmp_path):
    for place, message in (
        (tmp_path / 'gone.pth', 'image_adapter_checkpoint.*train stage 1 first'),
        (tmp_path, r'holds no best_\*\.pth'),
    ):
        model = build(place)
        model.init_weights()
        with pytest.raises(ConfigError, match=f'has no weights yet: .*{message}'):
            model.loss(*make_batch())
    with pytest.raises(ConfigError, match='has no weights yet: init_weights'):
        build(tmp_path).loss(*make_batch())


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(reduction=2), 'does not fit model.image_adapter(?s:.*)mismatched'),
        (dict(ratio=0.5), r'trained with ratio=0\.2, model\.image_adapter has ratio=0\.5'),
    ],
)
def test_mismatching_checkpoint(first_stage, change, message):
    model = build(first_stage, image_adapter=dict(ADAPTER, **change))
    with pytest.raises(CheckpointError, match=f'image_adapter_checkpoint(?s:.*){message}'):
        model.init_weights()


def test_a_checkpoint_of_something_else(tmp_path):
    torch.save(dict(state_dict={'backbone.weight': torch.ones(2)}), tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match='no checkpoint of stage 1.*backbone.weight'):
        build(tmp_path / 'other.pth').init_weights()
    with pytest.raises(ValueError, match='set model.image_adapter.dim=12'):
        build(tmp_path, image_adapter=dict(ADAPTER, dim=8))


# two ranks

COUNTS = (4, 3)


def evaluate(first_stage, rank=None):
    torch.set_num_threads(1)
    model = build(first_stage)
    model.init_weights()
    model.eval()  # running statistics: BatchNorm of a rank sees that rank's rows only
    points, samples = make_batch()
    if rank is not None:
        points, samples = points.split(COUNTS)[rank], samples[4 * rank : 4 + 3 * rank]
    loss = model.loss(points, samples)['loss']
    loss.backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    return loss.item(), torch.cat([grad.flatten() for grad in grads]).numpy()


def on_rank(rank, first_stage):
    return evaluate(first_stage, rank)


@pytest.mark.ddp
def test_two_ranks_equal_one_process(first_stage):
    """Texts: 2 of 4 on the first rank, all 3 on the second; views: 4, and 2 of 3."""
    loss, grads = evaluate(first_stage)
    ranks = run_on_ranks(on_rank, str(first_stage))
    for rank_loss, _ in ranks:
        assert rank_loss == pytest.approx(loss, rel=1e-5)
    # The logit scale sees every row on each rank, the student its own: averaging gives one process.
    mean = (ranks[0][1] + ranks[1][1]) / 2
    np.testing.assert_allclose(mean, grads, rtol=1e-4, atol=1e-6)
