import pytest
import torch
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.methods.kd2d.concepts import CrossAttention


@pytest.fixture
def head():
    torch.manual_seed(0)
    return MODELS.build(
        dict(type='ConceptHead', in_channels=12, out_channels=7, num_concepts=5, num_heads=3)
    )


@pytest.fixture
def tokens():
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(2, 12, generator=generator),
        torch.randn(2, 9, 12, generator=generator),
        torch.randn(2, 9, 3, generator=generator),
    )


def test_cross_attention_is_the_textbook_sum():
    torch.manual_seed(0)
    attention = CrossAttention(8, 2)
    queries, tokens = torch.randn(1, 3, 8), torch.randn(1, 4, 8)
    expected = torch.zeros(3, 8)
    q = attention.q(queries)[0]
    k, v = attention.kv(tokens)[0].split(8, dim=-1)
    for head in range(2):
        part = slice(4 * head, 4 * head + 4)
        for m in range(3):
            weights = [float((q[m, part] @ k[j, part]) / 4**0.5) for j in range(4)]
            weights = torch.tensor(weights).softmax(0)
            expected[m, part] = sum(w * v[j, part] for j, w in enumerate(weights))
    torch.testing.assert_close(attention(queries, tokens)[0], attention.proj(expected))


def test_shapes_and_gradients(head, tokens):
    concepts = head(*tokens)
    assert concepts.shape == (2, 5, 7)
    (concepts * torch.randn(2, 5, 7)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters())


def test_order_of_patches_does_not_matter(head, tokens):
    cls, patches, centres = tokens
    order = torch.randperm(9)
    torch.testing.assert_close(
        head(cls, patches[:, order], centres[:, order]), head(*tokens), atol=1e-5, rtol=1e-4
    )


def test_class_token_and_places_are_read(head, tokens):
    cls, patches, centres = tokens
    base = head(*tokens)
    # not a shift: the norm before the attention takes it out
    assert not torch.allclose(head(-cls, patches, centres), base, atol=1e-3)
    assert not torch.allclose(head(cls, patches, centres.flip(1)), base, atol=1e-3)


def test_queries_do_not_see_each_other(head, tokens):
    base = head(*tokens)
    with torch.no_grad():
        head.concept_queries[2] += torch.randn(12)
    changed = (head(*tokens) - base).abs().amax((0, 2)) > 1e-6
    assert changed.tolist() == [False, False, True, False, False]


def test_query_embeddings_are_concepts_that_read_nothing(head, tokens):
    with torch.no_grad():
        for block in head.blocks:
            for layer in (block.attn.proj, block.mlp.fc2):
                layer.weight.zero_()
                layer.bias.zero_()
    torch.testing.assert_close(head(*tokens)[1], head.query_embeddings())


def test_wrong_width_names_the_key(head, tokens):
    with pytest.raises(ValueError, match='set model.head.in_channels=10'):
        head(tokens[0][:, :10], tokens[1][..., :10], tokens[2])
    with pytest.raises(ValueError, match='num_heads must divide dim = 8, got 3'):
        CrossAttention(8, 3)


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='PatchReconstructionHead',
            in_channels=12,
            num_patches=10,
            num_points=6,
            dim=8,
            depth=2,
            num_heads=2,
        )
    )


def test_rebuilt_patches_follow_their_centres(decoder, tokens):
    _, patches, centres = tokens
    hidden = torch.randn(2, 4, 3)
    points = decoder(patches, centres, hidden)
    assert points.shape == (2, 4, 6, 3)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(
        decoder(patches, centres, hidden[:, order]), points[:, order], atol=1e-5, rtol=1e-4
    )
    (points * torch.randn_like(points)).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in decoder.parameters())


def test_hide_cuts_patches_of_the_heads_size(decoder):
    cloud = decoder.hide(torch.rand(2, 50, 6))
    assert cloud.visible.shape == (2, 20, 6)
    assert cloud.centres.shape == (2, 6, 3) and cloud.patches.shape == (2, 6, 6, 3)
