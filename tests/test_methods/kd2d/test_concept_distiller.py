import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.methods.kd2d.concepts import pool_patches
from mrd_plugin.methods.kd2d.reconstruction import chamfer_distance
from mrd_plugin.models.teachers import Teacher
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.processes import run_on_ranks

DIM = 12
BACKBONES = dict(
    ppt=dict(
        type='PointPatchTransformer',
        dim=16,
        depth=2,
        num_heads=2,
        mlp_dim=16,
        sa_dim=8,
        sa_hidden=8,
        num_patches=6,
        radius=0.7,
        num_neighbours=8,
    ),
    point_bert=dict(
        type='PointBERT', dim=16, depth=2, num_heads=2, num_groups=6, group_size=8, drop_path=0.0
    ),
)
DECODER = dict(
    type='PatchReconstructionHead',
    in_channels=16,
    num_patches=8,
    num_points=5,
    dim=8,
    depth=1,
    num_heads=2,
)


@MODELS.register_module()
class NumberedTeacher(Teacher):
    """Random but fixed tokens by the name of the image; refuses to read any text."""

    def _encode_images(self, paths):
        return self._encode_tokens(paths)[:, 0]

    def _encode_tokens(self, paths):
        seeds = [torch.Generator().manual_seed(int(path)) for path in paths]
        return torch.stack([torch.randn(1 + 4, DIM, generator=seed) for seed in seeds])

    def _encode_texts(self, texts):
        raise AssertionError('no text is needed')


def build(backbone='ppt', head=None, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='ConceptDistiller',
            backbone=BACKBONES[backbone],
            head=head
            or dict(
                type='ConceptHead', in_channels=16, out_channels=DIM, num_concepts=3, num_heads=2
            ),
            teacher=dict(type='NumberedTeacher', dim=DIM),
            **kwargs,
        )
    )


def make_batch(without_image=(4,), n=6):
    points = torch.rand(n, 60, 6, generator=torch.Generator().manual_seed(1)) * 2 - 1
    samples = []
    for i in range(n):
        path = None if i in without_image else str(i + 1)
        meta = dict(sample_id=f's{i}', name=f'n{i}', category=None, text=None, image_path=path)
        samples.append(ShapeDataSample(metainfo=meta))
    return points, samples


def gradients(model):
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def infonce(points, image, temperature=0.07):
    logits = points @ image.T / temperature
    truth = torch.arange(len(points))
    return (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)) / 2


@pytest.mark.parametrize('backbone', list(BACKBONES))
@pytest.mark.parametrize('target', ['image', 'concepts'])
def test_three_modes(backbone, target):
    model = build(backbone, target=target)
    points, samples = make_batch()
    assert model(points).shape == (6, DIM)
    losses = model(points, samples, mode='loss')
    losses['loss'].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert not any('teacher' in name for name in model.state_dict())
    out = model.eval()(points, samples, mode='predict')
    torch.testing.assert_close(out[0].embedding.norm(), torch.tensor(1.0))
    assert 'teacher_image' in out[1] and 'teacher_image' not in out[4]


def test_embedding_is_the_mean_of_the_concepts():
    model = build().eval()
    points, _ = make_batch()
    features = model.backbone.forward_tokens(points)
    concepts = model.head(features.cls, features.tokens, features.centres)
    torch.testing.assert_close(
        model(points), (concepts[:, 0] + concepts[:, 1] + concepts[:, 2]) / 3
    )


def test_variant_a_by_hand():
    model = build().eval()
    points, samples = make_batch()
    got = model.loss(points, samples)
    rows = [0, 1, 2, 3, 5]
    student = F.normalize(model(points), dim=-1)[rows]
    image = model.teacher.encode_image([str(i + 1) for i in rows])
    concept = (1 - (student * image).sum(-1)).mean()
    torch.testing.assert_close(got['concept'], concept)
    torch.testing.assert_close(got['loss'], concept + infonce(student, image))


def test_variant_b_by_hand():
    model = build(target='concepts', pool_temperature=0.3).eval()
    points, samples = make_batch()
    got = model.loss(points, samples)
    rows = [0, 1, 2, 3, 5]
    tokens = model.teacher.encode_tokens([str(i + 1) for i in rows])
    concepts = model.extract_concepts(model.backbone.forward_tokens(points))[rows]
    queries = F.normalize(model.head.query_embeddings(), dim=-1)
    total = 0.0
    for n in range(5):
        for m in range(3):
            weights = (tokens[n, 1:] @ queries[m] / 0.3).softmax(0)
            wanted = (weights[:, None] * tokens[n, 1:]).sum(0)
            total = total + 1 - F.cosine_similarity(concepts[n, m], wanted, dim=0)
    concept = total / 15
    contrast = infonce(F.normalize(concepts.mean(1), dim=-1), tokens[:, 0])
    torch.testing.assert_close(got['concept'], concept.detach())
    torch.testing.assert_close(got['loss'], concept + contrast)


def test_queries_learn_from_the_student_side_alone():
    """The targets' dependence on the queries is cut: the gradient is that of fixed targets."""
    model = build(target='concepts', loss=dict(type='ConceptLoss', contrast_weight=0.0)).eval()
    points, samples = make_batch(without_image=())
    model.loss(points, samples)['loss'].backward()
    got = gradients(model)
    model.zero_grad()
    patches = model.teacher.encode_patches([str(i + 1) for i in range(6)])
    fixed = pool_patches(model.head.query_embeddings().detach().clone(), patches, 0.07)
    concepts = model.extract_concepts(model.backbone.forward_tokens(points))
    (1 - F.cosine_similarity(concepts, fixed, dim=-1)).mean().backward()
    for name, grad in gradients(model).items():
        torch.testing.assert_close(got[name], grad)


def test_hidden_patches_are_rebuilt():
    model = build(reconstruction=DECODER, reconstruction_weight=3.0)
    points, samples = make_batch()
    torch.manual_seed(5)
    losses = model.loss(points, samples)
    torch.manual_seed(5)
    cloud = model.reconstruction.hide(points)
    features = model.backbone.forward_tokens(cloud.visible)
    rebuilt = model.reconstruction(features.tokens, features.centres, cloud.centres)
    expected = 3 * chamfer_distance(rebuilt, cloud.patches).mean()
    torch.testing.assert_close(losses['loss_reconstruction'], expected)
    parsed, log = model.parse_losses(losses)
    torch.testing.assert_close(parsed, losses['loss'] + expected)
    parsed.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    torch.testing.assert_close(model.eval()(points), model(points))  # nothing is hidden in use


@pytest.mark.parametrize('target', ['image', 'concepts'])
def test_batch_without_images_costs_nothing(target):
    model = build(target=target)
    losses = model.loss(*make_batch(without_image=range(6)))
    losses['loss'].backward()
    assert losses['loss'] == 0
    assert all(grad.isfinite().all() for grad in gradients(model).values())


def test_it_learns_to_tell_its_shapes_apart():
    model = build(target='concepts')
    points, samples = make_batch(without_image=())
    optimiser = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(60):
        losses = model.loss(points, samples)
        optimiser.zero_grad()
        losses['loss'].backward()
        optimiser.step()
    assert losses['match_image'] == 1 and losses['align_image'] < 0.3


def test_mistakes_name_the_key():
    with pytest.raises(ConfigError, match="model.target='global': expected one of"):
        build(target='global')
    cfg = dict(type='ProjectionHead', in_channels=3, out_channels=3)  # anything without tokens
    with pytest.raises(ConfigError, match='ProjectionHead has no patch tokens'):
        MODELS.build(
            dict(
                type='ConceptDistiller',
                backbone=cfg,
                head=dict(type='ConceptHead', in_channels=16, out_channels=DIM),
                teacher=dict(type='NumberedTeacher', dim=DIM),
            )
        )
    with pytest.raises(ValueError, match='set model.head.out_channels=12'):
        build(head=dict(type='ConceptHead', in_channels=16, out_channels=9))


def _on_rank(rank, target):
    model = build(target=target).eval()
    points, samples = make_batch()
    mine = slice(0, 4) if rank == 0 else slice(4, 6)  # four images of four, and one of two
    loss = model.loss(points[mine], samples[mine])['loss']
    loss.backward()
    return float(loss), {name: grad.numpy() for name, grad in gradients(model).items()}


@pytest.mark.ddp
def test_two_ranks_equal_one_process_on_the_joined_batch():
    ranks = run_on_ranks(_on_rank, 'concepts')
    model = build(target='concepts').eval()
    loss = model.loss(*make_batch())['loss']
    loss.backward()
    for rank_loss, _ in ranks:
        assert abs(rank_loss - float(loss)) < 1e-5
    for name, grad in gradients(model).items():
        mean = (ranks[0][1][name] + ranks[1][1][name]) / 2  # what DistributedDataParallel does
        np.testing.assert_allclose(mean, grad.numpy(), atol=1e-5, err_msg=name)
