"""What every backbone promises: tokens, pyramid, points, autocast, checkpointing."""

import pytest
import torch
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.ops import three_interpolate

PATCHES = dict(
    dim=32,
    depth=3,
    num_heads=2,
    mlp_dim=48,
    sa_dim=16,
    num_patches=8,
    radius=0.5,
    num_neighbours=8,
    sa_hidden=8,
)
CONFIGS = {
    'ppt': dict(type='PointPatchTransformer', **PATCHES),
    'point_view': dict(
        type='PointViewTransformer',
        trunk=dict(type='EfficientNetLiteTeacher'),
        feature_dropout=0.0,
        image_size=64,
        **PATCHES,
    ),
    'point_bert': dict(
        type='PointBERT', dim=24, depth=3, num_heads=2, num_groups=8, group_size=6, drop_path=0.0
    ),
    'uni3d': dict(
        type='Uni3DViT', size='tiny', num_groups=8, group_size=6, drop_path=0.0, patch_dropout=0.0
    ),
    'sparse': dict(type='SparseResNet11', voxel_size=0.1, tail_channels=(16,)),
}
every = pytest.mark.parametrize('name', CONFIGS)


def build(name, **changes):
    torch.manual_seed(0)
    return MODELS.build(dict(CONFIGS[name], **changes))


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, 64, 6, generator=generator) * 2 - 1


@every
def test_every_parameter_gets_a_finite_gradient(name, points):
    model = build(name)
    out = model(points)
    assert out.shape == (3, model.out_channels)
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@every
def test_tokens_pyramid_and_point_features_fit_together(name, points):
    model = build(name).eval()
    centres, tokens, cls = model.forward_tokens(points)
    assert tokens.shape == (*centres.shape[:2], model.token_channels) and len(cls) == 3
    levels = model.forward_features(points)
    assert len(levels) > 1 and all(level.centres.shape == centres.shape for level in levels)
    out = model.forward_points(points)
    assert out.shape == (3, 64, model.point_channels)
    if name == 'sparse':
        torch.testing.assert_close(out, tokens)
        torch.testing.assert_close(model(points), cls)
        assert [level.tokens.shape[-1] for level in levels] == [32, 64, 128, 256]
    else:
        torch.testing.assert_close(levels[-1].tokens, tokens)
        joined = torch.cat([level.tokens for level in levels], dim=-1)
        torch.testing.assert_close(out, three_interpolate(points[..., :3], centres, joined))
        torch.testing.assert_close(model(points)[:, : cls.shape[1]], cls, atol=1e-5, rtol=1e-4)


@every
def test_point_features_carry_gradients(name, points):
    model = build(name)
    model.forward_points(points).square().mean().backward()
    first = next(p for n, p in model.named_parameters() if 'cls' not in n and 'patch' not in n)
    assert first.grad is not None and first.grad.abs().sum() > 0


@every
def test_activation_checkpointing_changes_nothing(name, points):
    results = []
    for with_cp in (False, True):
        model = build(name, with_cp=with_cp)
        torch.manual_seed(1)
        out = model(points)
        out.square().sum().backward()
        results.append([out.detach(), *[p.grad for p in model.parameters()]])
        results[-1] += [buffer.float() for buffer in model.buffers()]
    for a, b in zip(*results):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@every
def test_autocast_stays_near_float32(name, points):
    """Distances and statistics stay in float32: neighbours are the same, values near."""
    model = build(name).eval()
    exact = model.forward_tokens(points)
    trained = build(name)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        near = model.forward_tokens(points)
        out = trained(points)
    out.float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in trained.parameters())
    assert torch.equal(near.centres, exact.centres)
    scale = exact.tokens.abs().max()
    assert (near.tokens.float() - exact.tokens).abs().max() < 0.1 * scale


@pytest.mark.parametrize('name', [name for name in CONFIGS if name != 'sparse'])
def test_half_precision_weights_see_the_same_groups(name, points):
    """Of float32 points, whose offsets are rounded only once they are taken."""
    exact = build(name).eval().forward_tokens(points)
    model = build(name).bfloat16().eval()
    near = model.forward_tokens(points)
    assert near.tokens.dtype == torch.bfloat16 and torch.equal(near.centres, exact.centres)
    scale = exact.tokens.abs().max()
    assert (near.tokens.float() - exact.tokens).abs().max() < 0.1 * scale
    assert model(points.bfloat16()).isfinite().all()


@every
def test_order_of_other_clouds_does_not_matter(name, points):
    model = build(name).eval()
    together = model(points)
    torch.testing.assert_close(model(points.flip(0)).flip(0), together, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model(points[1:2]), together[1:2], atol=1e-5, rtol=1e-4)


@every
def test_wrong_channels_name_the_key(name, points):
    with pytest.raises(ValueError, match='in_channels = 6 but the points have 3'):
        build(name)(points[..., :3])
