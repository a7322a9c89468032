"""Backbones of rooms for detectors: seeds of point transformers, and PointNet++ as a student."""

import pytest
import torch
from mmengine.registry import MODELS

from mrd_plugin.models.backbones import PointNet2Student, PointSeedBackbone
from mrd_plugin.utils.errors import ConfigError

from .test_all_backbones import CONFIGS

PATCHES = ('ppt', 'point_bert', 'uni3d')


@pytest.fixture
def room():
    """Points of a room in metres, z up, with colours."""
    random = torch.Generator().manual_seed(0)
    xyz = torch.rand(2, 120, 3, generator=random) * torch.tensor([4.0, 3.0, 2.5])
    return torch.cat([xyz, torch.rand(2, 120, 3, generator=random)], dim=-1)


def seeds(name='ppt', **changes):
    torch.manual_seed(0)
    options = dict(num_seeds=20, out_channels=16, **changes)
    return PointSeedBackbone(CONFIGS[name], **options).eval()


@pytest.mark.parametrize('name', PATCHES)
def test_seeds_are_points_with_the_features_of_points(name, room):
    network = seeds(name)
    with torch.no_grad():
        found = network(room)
        dense = network.backbone.forward_points(room)
        xyz, features, indices = (found[f'fp_{key}'][-1] for key in ('xyz', 'features', 'indices'))
        assert [len(level) for level in found.values()] == [1, 1, 1]
        assert indices.shape == (2, 20) and indices.dtype == torch.int64
        for b in range(2):
            assert torch.equal(xyz[b], room[b, indices[b], :3])
            assert len(set(indices[b].tolist())) == 20
            expected = network.mlp(dense[b, indices[b]].T[None])[0]
            torch.testing.assert_close(features[b], expected, atol=1e-5, rtol=1e-4)
    assert features.shape == (2, 16, 20)


def test_gradients_reach_the_transformer_and_not_the_places(room):
    network = seeds().train()
    found = network(room)
    found['fp_features'][0].square().sum().backward()
    grads = {name: p.grad for name, p in network.named_parameters()}
    assert all(grad is not None for grad in grads.values())
    assert grads['backbone.patch_proj.weight'].abs().sum() > 0


@pytest.mark.parametrize('axis', ['x', 'y', 'z'])
def test_the_room_is_turned_and_scaled_into_the_pretrained_frame(axis, room):
    """The same network fed with a cloud that was turned by hand."""
    network = seeds(up_axis=axis, scale=0.5)
    plain = seeds()
    turned = {
        'x': torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),
        'y': torch.tensor([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]),
        'z': torch.eye(3),
    }[axis]
    assert torch.linalg.det(turned) == 1  # no reflection
    up = turned @ torch.tensor([0.0, 0, 1])
    assert up['xyz'.index(axis)] == 1
    other = torch.cat([room[..., :3] @ turned.T * 0.5, room[..., 3:]], dim=-1)
    with torch.no_grad():
        ours, by_hand = network(room), plain(other)
    torch.testing.assert_close(ours['fp_features'], by_hand['fp_features'], atol=1e-4, rtol=1e-3)
    assert torch.equal(ours['fp_xyz'][0], room[torch.arange(2)[:, None], ours['fp_indices'][0], :3])


def test_missing_channels_are_filled(room):
    network, whole = seeds(missing=(0.4, 0.4, 0.4)), seeds()
    grey = torch.cat([room[..., :3], torch.full((2, 120, 3), 0.4)], dim=-1)
    with torch.no_grad():
        assert torch.equal(network(room[..., :3])['fp_features'][0], whole(grey)['fp_features'][0])
    with pytest.raises(ValueError, match='in_channels = 6 but the points have 3 channels'):
        whole(room[..., :3])


def test_bad_keys_are_named():
    with pytest.raises(ConfigError, match="up_axis='w': expected 'x', 'y' or 'z'"):
        seeds(up_axis='w')
    with pytest.raises(ConfigError, match='Linear has no patches'):
        PointSeedBackbone(dict(type=torch.nn.Linear, in_features=2, out_features=2))


POINTNET2 = dict(num_points=(64, 32, 16, 8), num_samples=(8, 8, 4, 4))


def test_pointnet2_gives_the_last_level_of_mmdet3ds_under_its_names(room):
    pytest.importorskip('mmdet3d', reason='the second layer is not installed')
    from mmdet3d.models.backbones import PointNet2SASSG

    import mrd_plugin.compat.mmcv_cpu  # noqa: F401

    torch.manual_seed(0)
    ours = MODELS.build(dict(type='PointNet2Student', in_channels=6, **POINTNET2)).eval()
    theirs = PointNet2SASSG(in_channels=6, radius=(0.2, 0.4, 0.8, 1.2), **POINTNET2).eval()
    theirs.load_state_dict(ours.state_dict())  # strict: all names and shapes
    with torch.no_grad():
        tokens, expected = ours.forward_tokens(room), theirs(room)
        shape = ours(room)
    assert torch.equal(tokens.centres, expected['fp_xyz'][-1])
    assert torch.equal(tokens.tokens, expected['fp_features'][-1].transpose(1, 2))
    assert torch.equal(tokens.cls, expected['fp_features'][-1].amax(2))
    assert torch.equal(shape, tokens.cls) and shape.shape == (2, ours.out_channels) == (2, 256)


def test_pointnet2_refuses_other_channels(room):
    pytest.importorskip('mmdet3d', reason='the second layer is not installed')
    with pytest.raises(ValueError, match='in_channels = 4 but the points have 6 channels'):
        PointNet2Student(**POINTNET2).forward_tokens(room)
