import itertools

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS

import mrd_plugin  # noqa: F401
from mrd_plugin.evaluation.retrieval import chance_of_hit
from mrd_plugin.structures import ShapeDataSample

DIRECTIONS = ('text_to_shape', 'image_to_shape', 'shape_to_text')


def make(count=60, names=17, dim=8, seed=0, text_of=None, image_of=None):
    """Samples whose embeddings resemble their teachers; texts belong to names."""
    rng = np.random.default_rng(seed)
    bank = rng.normal(size=(names, dim))
    made = []
    for i in range(count):
        name = rng.integers(names)
        one = ShapeDataSample(metainfo=dict(name=f'name {name:02d}'))
        one.embedding = torch.tensor(bank[name] + rng.normal(size=dim)).float() * 3
        if text_of is None or text_of(i):
            one.teacher_text = torch.tensor(bank[name]).float()
        if image_of is None or image_of(i):
            one.teacher_image = torch.tensor(bank[name] + rng.normal(size=dim)).float()
        made.append(one)
    return made


def evaluate(parts, **kwargs):
    evaluator = Evaluator(METRICS.build(dict(type='CrossModalRetrieval', **kwargs)))
    for part in parts:
        evaluator.process(part)
    return evaluator.evaluate(sum(map(len, parts)))


def cosine(a, b):
    return float(torch.nn.functional.cosine_similarity(a.double(), b.double(), dim=0))


def slow(made, k):
    """The definitions, one query at a time."""
    texts = {}
    for one in made:
        if one.get('teacher_text') is not None:
            texts.setdefault(one.name, one.teacher_text)

    def first(scores):
        return [j for _, j in sorted(((-s, j) for j, s in enumerate(scores)))][:k]

    hits = {direction: [] for direction in DIRECTIONS}
    for name, text in texts.items():
        top = first([cosine(text, one.embedding) for one in made])
        hits['text_to_shape'].append(any(made[j].name == name for j in top))
    names = list(texts)
    for i, one in enumerate(made):
        if one.get('teacher_image') is not None:
            top = first([cosine(one.teacher_image, other.embedding) for other in made])
            hits['image_to_shape'].append(i in top)
        if one.get('teacher_text') is not None:
            top = first([cosine(one.embedding, texts[name]) for name in names])
            hits['shape_to_text'].append(one.name in [names[j] for j in top])
    return {direction: (len(h), np.mean(h)) for direction, h in hits.items()}


@pytest.mark.parametrize(
    'masks',
    [
        {},
        dict(text_of=lambda i: i % 3 > 0, image_of=lambda i: i % 2 > 0),
    ],
)
def test_against_a_slow_reference(masks):
    made = make(**masks)
    found = evaluate([made])
    for k in (1, 5, 10):
        for direction, (n, recall) in slow(made, k).items():
            assert found[f'retrieval/{direction}/n'] == n
            assert found[f'retrieval/{direction}/r{k}'] == pytest.approx(recall), direction


def test_blocks_and_parts_change_nothing():
    made = make(90)
    whole = evaluate([made])
    assert whole == evaluate([made], block=7)
    assert whole == evaluate([made[:31], made[31:]])


@pytest.mark.parametrize('embedding', [torch.ones(8), torch.zeros(8), torch.full((8,), torch.nan)])
def test_a_collapsed_embedding_gets_no_credit(embedding):
    made = make()
    for one in made:
        one.embedding = embedding.clone()
    found = evaluate([made])
    assert found['retrieval/text_to_shape/r10'] == found['retrieval/image_to_shape/r10'] == 0
    if not embedding.abs().sum() > 0:  # else it still prefers some text, whatever the shape
        assert found['retrieval/shape_to_text/r10'] == 0


def test_a_tie_between_right_and_wrong_counts_as_wrong():
    names = ['a', 'b', 'c']
    vectors = torch.eye(3)[[0, 0, 1]]  # a and b have the same embedding
    made = []
    for i, name in enumerate(names):
        one = ShapeDataSample(metainfo=dict(name=name))
        one.embedding, one.teacher_image = vectors[i], vectors[i]
        one.teacher_text = torch.eye(3)[i]
        made.append(one)
    found = evaluate([made], recall_k=(1, 2))
    assert found['retrieval/image_to_shape/r1'] == pytest.approx(1 / 3)
    assert found['retrieval/image_to_shape/r2'] == 1


def test_several_shapes_of_one_name_all_count():
    made = make(40, names=2)
    found = evaluate([made])
    assert found['retrieval/text_to_shape/n'] == 2
    assert found['retrieval/shape_to_text/gallery'] == 2
    assert found['retrieval/shape_to_text/r5'] == 1 == found['retrieval/shape_to_text/chance_r5']


def test_masks_and_zero_features_leave_queries_out():
    made = make(10)
    made[0].teacher_image = torch.zeros(8)
    made[1].has_image = torch.tensor(False)
    made[2].has_text = torch.tensor(False)
    found = evaluate([made])
    assert found['retrieval/image_to_shape/n'] == 8
    assert found['retrieval/image_to_shape/gallery'] == 10
    assert found['retrieval/shape_to_text/n'] == 9


def test_without_any_text_only_images_ask():
    found = evaluate([make(text_of=lambda i: False)])
    assert {key.split('/')[1] for key in found} == {'image_to_shape'}


def test_chance_by_counting_all_orders():
    for right, k in itertools.product((1, 2, 4), (1, 2, 3, 9)):
        orders = itertools.permutations(range(6))
        hits = np.mean([min(order[:k]) < right for order in orders])
        assert chance_of_hit(6, np.array([right]), k)[0] == pytest.approx(hits)


def test_a_subspace_for_each_modality():
    """Images meet embedding_image and texts embedding_text, as if each were the only embedding."""
    images, texts = make(seed=1), make(seed=1)
    rng = torch.Generator().manual_seed(3)
    both = make(seed=1)
    for one, image, text in zip(both, images, texts):
        image.embedding = one.embedding_image = torch.randn(8, generator=rng) + one.embedding
        text.embedding = one.embedding_text = torch.randn(8, generator=rng) + one.embedding
    found, image_only, text_only = (evaluate([made]) for made in (both, images, texts))
    for key, value in found.items():
        expected = image_only if 'image_to_shape' in key else text_only
        assert value == expected[key], key
    assert found != evaluate([make(seed=1)])
