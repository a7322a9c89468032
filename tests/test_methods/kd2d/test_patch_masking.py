import pytest
import torch

from mrd_plugin.methods.kd2d.reconstruction import mask_patches
from mrd_plugin.ops import furthest_point_sample, gather_points


def clouds(batch=2, count=512):
    """Random points with their number as fourth channel."""
    torch.manual_seed(0)
    numbers = torch.arange(count).expand(batch, -1).unsqueeze(-1)
    return torch.cat([torch.rand(batch, count, 3) * 2 - 1, numbers], dim=-1)


def test_hidden_cells_are_gone_and_the_rest_is_there():
    points = clouds()
    cloud = mask_patches(points, 16, 0.5, 5)
    assert cloud.visible.shape == (2, 256, 4)
    assert cloud.centres.shape == (2, 8, 3) and cloud.patches.shape == (2, 8, 5, 3)
    for b in range(2):
        xyz = points[b, :, :3]
        seeds = gather_points(xyz[None], furthest_point_sample(xyz[None], 16))[0]
        nearest = (xyz[:, None] - seeds).norm(dim=-1).argmin(1)
        hidden_seed = ((seeds[:, None] - cloud.centres[b]).norm(dim=-1) < 1e-6).any(1)
        assert hidden_seed.sum() == 8
        allowed = points[b, ~hidden_seed[nearest], 3]
        seen = cloud.visible[b, :, 3]
        assert set(seen.tolist()) <= set(allowed.tolist())
        assert len(set(seen.tolist())) == min(256, len(allowed))
        first = seen[: min(256, len(allowed))]
        assert (
            first.diff() > 0
        ).all()  # in their order; what is missing is filled up from the start


def test_targets_are_the_points_nearest_to_the_centre():
    points = clouds()
    cloud = mask_patches(points, 16, 0.5, 5)
    for b in range(2):
        for centre, patch in zip(cloud.centres[b], cloud.patches[b]):
            expected = (points[b, :, :3] - centre).norm(dim=-1).sort().values[:5]
            torch.testing.assert_close(patch.norm(dim=-1), expected, atol=1e-6, rtol=0)
            assert patch[0].norm() < 1e-6  # the centre itself


def test_other_patches_every_time():
    points = clouds()
    first, second = (mask_patches(points, 16, 0.5, 5).centres for _ in range(2))
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize('ratio', [0.0, 0.01, 1.0])
def test_bad_ratio(ratio):
    with pytest.raises(ValueError, match=f'ratio = {ratio} hides'):
        mask_patches(clouds(), 16, ratio, 5)
