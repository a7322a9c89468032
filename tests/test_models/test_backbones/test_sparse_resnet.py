import pytest
import torch
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401

SMALL = dict(type='SparseResNet11', voxel_size=0.1, tail_channels=(16,))


@pytest.fixture
def points():
    return torch.rand(2, 80, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_published_parameter_count():
    """41.3 M with the 1280-d projection."""
    model = MODELS.build(dict(type='SparseResNet34'))
    count = sum(p.numel() for p in model.parameters()) + 1280 * 1025
    assert abs(count / 1e6 - 41.3) < 0.05
    assert [len(getattr(model, f'block{i}')) for i in range(1, 5)] == [3, 4, 6, 3]


def test_shallower_relatives():
    names = {'SparseResNet18': 2, 'SparseResNet11': 1}
    for name, depth in names.items():
        model = MODELS.build(dict(type=name, tail_channels=(8,)))
        assert [len(getattr(model, f'block{i}')) for i in range(1, 5)] == [depth] * 4


def test_order_of_points_does_not_matter(points):
    model = MODELS.build(SMALL).eval()
    order = torch.randperm(80)
    torch.testing.assert_close(model(points), model(points[:, order]), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        model.forward_points(points)[:, order], model.forward_points(points[:, order])
    )


def test_shift_by_whole_coarse_voxels_changes_nothing(points):
    """Colours alone as input: then only the grid could notice, and it is aligned to 16 voxels."""
    model = MODELS.build(dict(SMALL, voxel_size=0.125))
    with torch.no_grad():
        model.conv0p1s1.weight[..., :3] = 0
    shift = torch.zeros(6)
    shift[:3] = torch.tensor([16, -32, 48]) * 0.125
    expected = model.forward_points(points)
    torch.testing.assert_close(model.forward_points(points + shift), expected, atol=1e-4, rtol=1e-4)
    shift[0] += 0.125
    assert not torch.allclose(model.forward_points(points + shift), expected, atol=1e-2)


def test_points_of_one_voxel_share_their_feature(points):
    model = MODELS.build(dict(SMALL, voxel_size=0.5)).eval()
    out = model.forward_points(points)
    cells = torch.floor(points[..., :3] / 0.5).long()
    for b in range(2):
        same = (cells[b] == cells[b, 0]).all(-1)
        assert same.sum() > 1
        torch.testing.assert_close(out[b, same], out[b, :1].expand(int(same.sum()), -1))


def test_names_of_published_checkpoints_without_minkowski_levels():
    keys = set(MODELS.build(dict(type='SparseResNet34')).state_dict())
    assert {
        'conv0p1s1.weight',
        'bn0.running_mean',
        'conv4p8s2.weight',
        'bn4.weight',
        'block3.5.conv2.weight',
        'block3.5.norm2.bias',
        'block2.0.downsample.0.weight',
        'block2.0.downsample.1.weight',
        'conv5.1.0.weight',
        'conv5.1.1.running_var',
        'final.0.0.weight',
        'final.2.1.weight',
    } <= keys
    assert 'block1.0.downsample.0.weight' not in keys
    assert not any(key.startswith('final.') and key.endswith('0.0.bias') for key in keys)
