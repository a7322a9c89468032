import copy

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

import mrd_plugin  # noqa: F401
from mrd_plugin.models.backbones.points.group_encoder import GroupEncoder, group_points
from mrd_plugin.models.backbones.points.set_abstraction import PointMlpLayer, SetAbstraction

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
def test_order_of_points_does_not_matter(cfg, points):
    """With room for every neighbour the feature is a function of the set (first point fixed)."""
    cfg = dict(cfg)
    cfg.update(num_neighbours=64) if 'num_neighbours' in cfg else cfg.update(group_size=64)
    model = MODELS.build(cfg).eval()
    order = torch.cat([torch.zeros(1, dtype=torch.long), torch.randperm(63) + 1])
    torch.testing.assert_close(model(points), model(points[:, order]), atol=1e-5, rtol=1e-4)


def reference_patches(module, points, training):
    """1x1 convolutions and batch norm on (B, C, K, S), then the maximum."""
    layers = [
        (
            copy.deepcopy(layer.conv),
            nn.BatchNorm2d(layer.conv.out_channels).double().train(training),
        )
        for layer in module.layers
    ]
    for layer, (_, bn) in zip(module.layers, layers):
        bn.load_state_dict(layer.bn.state_dict())
    centres, groups = [], []
    for cloud in points:
        rows = [0]
        while len(rows) < module.num_patches:
            dist = (cloud[:, None, :3] - cloud[rows, :3]).square().sum(-1).amin(1)
            rows.append(int(dist.argmax()))
        centres.append(cloud[rows, :3])
        for centre in centres[-1]:
            inside = ((cloud[:, :3] - centre).square().sum(-1) <= module.radius**2).nonzero()[:, 0]
            inside = inside[: module.num_neighbours].tolist()
            inside += [inside[0]] * (module.num_neighbours - len(inside))
            groups.append(torch.cat([cloud[inside, :3] - centre, cloud[inside]], dim=-1))
    x = torch.stack(groups).view(len(points), module.num_patches, module.num_neighbours, -1)
    x = x.permute(0, 3, 2, 1)
    for conv, bn in layers:
        x = torch.relu(bn(conv(x)))
    return torch.stack(centres), x.amax(2).transpose(1, 2), layers


@pytest.mark.parametrize('training', [True, False])
def test_set_abstraction_equals_convolution_reference(points, training):
    """Values, gradients and running statistics, with statistics and weights of both signs."""
    module = SetAbstraction(6, (8, 8, 12), 5, 0.7, 9)
    for layer in module.layers:
        nn.init.uniform_(layer.bn.weight, -1, 1)
        nn.init.uniform_(layer.bn.bias, -1, 1)
        layer.bn.running_mean.uniform_(-0.1, 0.1)
    module = module.double().train(training)
    points = points.double()
    points[..., :3] = points[..., :3].float()  # sampling and grouping look at float32
    expected_centres, expected, layers = reference_patches(module, points, training)
    centres, features = module(points)
    torch.testing.assert_close(centres, expected_centres.float())
    torch.testing.assert_close(features, expected, atol=1e-6, rtol=1e-5)
    grad = torch.randn_like(expected)
    features.backward(grad)
    expected.backward(grad)
    for layer, (conv, bn) in zip(module.layers, layers):
        for name, parameter in layer.conv.named_parameters():
            wanted = conv.get_parameter(name).grad
            torch.testing.assert_close(parameter.grad, wanted, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(layer.bn.weight.grad, bn.weight.grad, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(layer.bn.bias.grad, bn.bias.grad, atol=1e-6, rtol=1e-5)
        for name, buffer in bn.named_buffers():
            torch.testing.assert_close(layer.bn.get_buffer(name), buffer, atol=1e-7, rtol=1e-6)


def test_last_block_for_the_class_token_alone(points):
    """Same value and gradients as the whole last block."""
    for name in ('ppt', 'point_bert'):
        cfg = SMALL if name == 'ppt' else dict(SMALL_BERT, pool='cls', drop_path=0.0)
        model = MODELS.build(cfg)
        results = []
        for out in (model.forward_tokens(points).cls, model(points)):
            grads = torch.autograd.grad(out.sin().sum(), list(model.parameters()))
            results.append([out, *grads])
        for a, b in zip(*results):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_group_encoder_equals_its_convolutions(points):
    """As published: convolutions on (groups, C, K), the maximum joined before the second."""
    _, groups = group_points(points, 6, 5)
    ours = GroupEncoder(6, 20)
    plain = copy.deepcopy(ours)
    x = plain.first_conv(groups.flatten(0, 1).transpose(1, 2))
    x = torch.cat([x.amax(2, keepdim=True).expand_as(x), x], dim=1)
    expected = plain.second_conv(x).amax(2).view(3, 6, 20)
    out = ours(groups)
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)
    grad = torch.randn_like(out)
    out.backward(grad)
    expected.backward(grad)
    for a, b in zip(ours.parameters(), plain.parameters()):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-4, rtol=1e-4)
    for a, b in zip(ours.buffers(), plain.buffers()):
        torch.testing.assert_close(a, b)


def test_point_bert_adds_position_before_every_block(points):
    model = MODELS.build(SMALL_BERT).eval()
    centres, groups = group_points(points, model.num_groups, model.group_size)
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


def test_a_norm_in_eval_mode_is_frozen_in_a_training_network():
    torch.manual_seed(0)
    layer = PointMlpLayer(3, 4).train()
    layer.bn.running_mean.fill_(0.5)
    layer.bn.eval()
    rows = torch.randn(9, 3)
    out = layer(rows)
    assert layer.bn.num_batches_tracked == 0 and (layer.bn.running_mean == 0.5).all()
    torch.testing.assert_close(out, layer.eval()(rows))
