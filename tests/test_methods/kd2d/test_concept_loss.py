import math

import pytest
import torch
import torch.nn.functional as F

from mrd_plugin.methods.kd2d.concepts import ConceptLoss, pool_patches
from mrd_plugin.methods.kd2d.reconstruction import chamfer_distance
from mrd_plugin.utils.errors import ConfigError


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    concepts = torch.randn(6, 3, 5, generator=generator, dtype=torch.float64)
    targets = torch.randn(6, 3, 5, generator=generator, dtype=torch.float64)
    image = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    return concepts, F.normalize(targets, dim=-1), F.normalize(image, dim=-1)


def plain_distance(form, concepts, targets):
    """One number after the other."""
    out = []
    for sample, wanted in zip(concepts.tolist(), targets.tolist()):
        total = 0.0
        for c, t in zip(sample, wanted):
            if form == 'cosine':
                dot = sum(a * b for a, b in zip(c, t))
                total += 1 - dot / math.sqrt(sum(a * a for a in c) * sum(b * b for b in t))
                continue
            errors = [abs(a - math.sqrt(len(t)) * b) for a, b in zip(c, t)]
            if form == 'l2':
                total += sum(e * e for e in errors) / len(t)
            else:
                total += sum(0.5 * e * e if e < 1 else e - 0.5 for e in errors) / len(t)
        out.append(total / len(sample))
    return torch.tensor(out, dtype=concepts.dtype)


@pytest.mark.parametrize('form', ['cosine', 'l2', 'smooth_l1'])
def test_distances_against_plain_loops(form, batch):
    concepts, targets, _ = batch
    got = ConceptLoss(form).distances(concepts, targets)
    torch.testing.assert_close(got, plain_distance(form, concepts, targets))


@pytest.mark.parametrize('form', ['cosine', 'l2', 'smooth_l1'])
def test_distance_has_the_right_gradient_and_its_minimum_at_the_target(form, batch):
    concepts, targets, _ = batch
    loss = ConceptLoss(form)
    assert torch.autograd.gradcheck(
        lambda c: loss.distances(c, targets), concepts.requires_grad_(True)
    )
    best = loss.distances(targets * 5**0.5, targets)
    torch.testing.assert_close(best, torch.zeros(6, dtype=torch.float64))


def test_closed_values():
    target = torch.tensor([[[1.0, 0, 0, 0]]])
    orthogonal = torch.tensor([[[0.0, 3, 0, 0]]])
    assert ConceptLoss('cosine').distances(orthogonal, target).item() == 1
    assert ConceptLoss('l2').distances(torch.zeros(1, 1, 4), target).item() == 1
    # errors (2, 0, 0, 0): smooth L1 2 - 0.5 over four numbers
    assert ConceptLoss('smooth_l1').distances(torch.zeros(1, 1, 4), target).item() == 0.375


def test_cosine_ignores_length(batch):
    concepts, targets, _ = batch
    loss = ConceptLoss()
    torch.testing.assert_close(
        loss.distances(7 * concepts, targets), loss.distances(concepts, targets)
    )


def test_total_is_distance_plus_symmetric_infonce(batch):
    concepts, targets, image = batch
    has = torch.tensor([True, True, False, True, True, False])
    points = F.normalize(concepts.mean(1), dim=-1)
    loss = ConceptLoss(concept_weight=0.5, contrast_weight=2.0, temperature=0.1)
    distances = loss.distances(concepts, targets)
    out = loss(distances, points, image, has)
    logits = points[has] @ image[has].T / 0.1
    truth = torch.arange(4)
    contrast = (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)) / 2
    torch.testing.assert_close(out['loss'], 0.5 * distances[has].mean() + 2 * contrast)
    torch.testing.assert_close(out['concept'], distances[has].mean())
    torch.testing.assert_close(out['align_image'], contrast)
    assert not any(out[key].requires_grad for key in out if key != 'loss')


def test_without_contrast_only_the_distance_is_left(batch):
    concepts, targets, image = batch
    loss = ConceptLoss(contrast_weight=0.0)
    distances = loss.distances(concepts, targets)
    out = loss(distances, concepts.mean(1), image, torch.ones(6, dtype=torch.bool))
    assert set(out) == {'loss', 'concept'}
    torch.testing.assert_close(out['loss'], distances.mean())


def test_batch_without_images_costs_nothing(batch):
    concepts, targets, image = batch
    concepts.requires_grad_(True)
    loss = ConceptLoss()
    out = loss(
        loss.distances(concepts, targets),
        concepts.mean(1),
        torch.zeros_like(image),
        torch.zeros(6, dtype=torch.bool),
    )
    assert out['loss'] == 0
    out['loss'].backward()
    assert not concepts.grad.any()


def test_rows_without_image_are_not_read(batch):
    concepts, targets, image = batch
    has = torch.tensor([True, False, True, True, True, True])
    loss = ConceptLoss()
    values = []
    for noise in (0.0, 1e3):
        changed = targets.clone(), image.clone()
        for rows in changed:
            rows[1] += noise
        distances = loss.distances(concepts, changed[0])
        values.append(loss(distances, concepts.mean(1), changed[1], has)['loss'])
    assert torch.equal(*values)


def test_half_precision_concepts_are_compared_in_fp32(batch):
    concepts, targets, _ = (rows.float() for rows in batch)
    got = ConceptLoss().distances(concepts.bfloat16(), targets)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, ConceptLoss().distances(concepts, targets), atol=0.02, rtol=0)


def test_unknown_form():
    with pytest.raises(ConfigError, match="form='l1': expected one of"):
        ConceptLoss('l1')


# --- soft pooling ---


def test_pooling_against_plain_loops():
    generator = torch.Generator().manual_seed(0)
    patches = F.normalize(torch.randn(2, 4, 3, generator=generator), dim=-1)
    queries = torch.randn(5, 3, generator=generator)
    got = pool_patches(queries, patches, 0.2)
    for n in range(2):
        for m in range(5):
            weights = [
                math.exp(float(F.cosine_similarity(queries[m], patches[n, k], dim=0)) / 0.2)
                for k in range(4)
            ]
            pooled = sum(w * patches[n, k] for k, w in enumerate(weights)) / sum(weights)
            torch.testing.assert_close(got[n, m], F.normalize(pooled, dim=0))


def test_pooling_between_nearest_token_and_average():
    patches = F.normalize(torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(0)), dim=-1)
    queries = 5 * patches[0, :2]
    sharp = pool_patches(queries, patches[:1], 1e-4)
    torch.testing.assert_close(sharp[0], patches[0, :2])
    flat = pool_patches(queries, patches, 1e4)
    mean = F.normalize(patches.mean(1, keepdim=True), dim=-1).expand(-1, 2, -1)
    torch.testing.assert_close(flat, mean, atol=1e-4, rtol=0)


def test_pooling_of_nothing_is_zero():
    queries = torch.randn(2, 4)
    assert not pool_patches(queries, torch.zeros(3, 5, 4), 0.1).any()
    assert pool_patches(queries, torch.zeros(3, 0, 4), 0.1).tolist() == [[[0.0] * 4] * 2] * 3


# --- Chamfer ---


def test_chamfer_against_plain_loops_and_gradcheck():
    generator = torch.Generator().manual_seed(0)
    one = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    other = torch.randn(2, 4, 3, generator=generator, dtype=torch.float64)
    got = chamfer_distance(one, other)
    for b in range(2):
        there = [min(float((p - q).square().sum()) for q in other[b]) for p in one[b]]
        back = [min(float((p - q).square().sum()) for p in one[b]) for q in other[b]]
        assert abs(float(got[b]) - sum(there) / 5 - sum(back) / 4) < 1e-12
    one.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: chamfer_distance(x, other), one)


def test_chamfer_closed_values():
    one = torch.tensor([[0.0, 0, 0], [1, 0, 0]])
    assert chamfer_distance(one, one.flip(0)) == 0
    # to a single point at (0, 2, 0): (4 + 5) / 2 there, 4 back
    assert chamfer_distance(one, torch.tensor([[0.0, 2, 0]])) == 8.5
