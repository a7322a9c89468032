import pytest
import torch
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.models.backbones.set_abstraction import SetAbstraction

SMALL = dict(
    type='PointPatchTransformer',
    dim=32,
    depth=2,
    num_heads=2,
    mlp_dim=48,
    sa_dim=16,
    num_patches=8,
    radius=0.5,
    num_neighbours=8,
    sa_hidden=8,
)
SMALL_BERT = dict(type='PointBERT', dim=24, depth=2, num_heads=2, num_groups=8, group_size=6)


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, 64, 6, generator=generator) * 2 - 1


# Published sizes count the 1280-d projection, 1280 * (dim + 1) parameters.
@pytest.mark.parametrize(
    ('scaling', 'millions', 'digits'), [(1, 5.1, 1), (2, 13.3, 1), (4, 32.3, 1), (5, 72.1, 1)]
)
def test_published_parameter_counts(scaling, millions, digits):
    model = MODELS.build(dict(type='PointPatchTransformer', scaling=scaling))
    count = sum(p.numel() for p in model.parameters()) + 1280 * (model.out_channels + 1)
    assert abs(count / 1e6 - millions) < 0.06


def test_all_scalings_and_single_sizes():
    model = MODELS.build(dict(type='PointPatchTransformer', scaling=3, depth=1))
    assert len(model.blocks) == 1 and model.sa.num_patches == 128 and model.sa.radius == 0.35
    with pytest.raises(ValueError, match='scaling must be one of'):
        MODELS.build(dict(type='PointPatchTransformer', scaling=7))
    with pytest.raises(ValueError, match='give the sizes .*radius'):
        MODELS.build(dict(type='PointPatchTransformer', dim=8))


@pytest.mark.parametrize('cfg', [SMALL, SMALL_BERT], ids=['ppt', 'point_bert'])
def test_shapes_and_gradients(cfg, points):
    model = MODELS.build(cfg)
    out = model(points)
    assert out.shape == (3, model.out_channels)
    features = model.forward_tokens(points)
    assert features.tokens.shape[:2] == (3, 8) and features.centres.shape == (3, 8, 3)
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize('cfg', [SMALL, SMALL_BERT], ids=['ppt', 'point_bert'])
def test_order_of_points_does_not_matter(cfg, points):
    """With room for every neighbour the feature is a function of the set (first point fixed)."""
    cfg = dict(cfg)
    cfg.update(num_neighbours=64) if 'num_neighbours' in cfg else cfg.update(group_size=64)
    model = MODELS.build(cfg).eval()
    order = torch.cat([torch.zeros(1, dtype=torch.long), torch.randperm(63) + 1])
    torch.testing.assert_close(model(points), model(points[:, order]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('cfg', [SMALL, SMALL_BERT], ids=['ppt', 'point_bert'])
def test_activation_checkpointing_changes_nothing(cfg, points):
    cfg = dict(cfg, drop_path=0.0) if cfg is SMALL_BERT else cfg
    plain, saving = MODELS.build(cfg), MODELS.build(dict(cfg, with_cp=True))
    saving.load_state_dict(plain.state_dict())
    grads = []
    for model in (plain, saving):
        model(points).square().sum().backward()
        grads.append([p.grad for p in model.parameters()])
    for a, b in zip(*grads):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize('cfg', [SMALL, SMALL_BERT], ids=['ppt', 'point_bert'])
def test_wrong_channels_name_the_key(cfg, points):
    with pytest.raises(ValueError, match='in_channels = 6 but the points have 3'):
        MODELS.build(cfg)(points[..., :3])


def test_set_abstraction_equals_convolution_reference(points):
    """The matrix products equal 1x1 convolutions on (B, C, K, S), layer by layer."""
    module = SetAbstraction(6, (8, 8, 12), 5, 0.7, 9).eval()
    for layer in module.layers:
        layer.bn.running_mean.uniform_(-0.1, 0.1)
    centres, features = module(points)
    for b in range(len(points)):
        for s in range(5):
            dist = (points[b, :, :3] - centres[b, s]).square().sum(-1)
            inside = points[b, dist <= 0.7 * 0.7][:9]
            x = torch.cat([inside[:, :3] - centres[b, s], inside], dim=-1).T[None, :, :, None]
            for layer in module.layers:
                x = torch.conv2d(x, layer.conv.weight, layer.conv.bias)
                x = torch.relu(layer.bn(x[0, :, :, 0].T)).T[None, :, :, None]
            torch.testing.assert_close(features[b, s], x[0, :, :, 0].amax(-1), atol=1e-5, rtol=1e-4)


def test_point_bert_adds_position_before_every_block(points):
    model = MODELS.build(SMALL_BERT).eval()
    centres, groups = model.group(points)
    tokens = model.reduce_dim(model.encoder(groups))
    position = torch.cat([model.cls_pos.expand(3, -1, -1), model.pos_embed(centres)], dim=1)
    tokens = torch.cat([model.cls_token.expand(3, -1, -1), tokens], dim=1)
    for block in model.blocks.blocks:
        tokens = block(tokens + position)
    tokens = model.norm(tokens)
    expected = torch.cat([tokens[:, 0], tokens[:, 1:].amax(1)], dim=-1)
    torch.testing.assert_close(model(points), expected)


def test_state_dict_names_of_published_checkpoints():
    keys = set(MODELS.build(SMALL_BERT).state_dict())
    assert {
        'encoder.first_conv.0.weight',
        'encoder.second_conv.3.bias',
        'reduce_dim.weight',
        'cls_pos',
        'pos_embed.2.weight',
        'blocks.blocks.1.attn.qkv.weight',
        'norm.weight',
    } <= keys
    assert not any('qkv.bias' in key for key in keys)
    keys = set(MODELS.build(SMALL).state_dict())
    assert {'sa.layers.2.conv.weight', 'patch_proj.weight', 'blocks.1.mlp.fc2.bias'} <= keys
