import numpy as np
import pytest
import torch
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.datasets.transforms import SwapYZ
from mrd_plugin.models.backbones.points.projected_views import ProjectedViews, view_cameras
from mrd_plugin.ops import render_points
from tests.test_models.test_backbones.test_all_backbones import CONFIGS, build

TRUNK = dict(type='EfficientNetLiteTeacher')
VIEWS = ((0, 0), (90, 0), (0, 60))


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 200, 6, generator=generator) * 2 - 1


def test_cameras_look_from_where_they_say():
    cameras = view_cameras(VIEWS)
    torch.testing.assert_close(cameras @ cameras.mT, torch.eye(3).expand(3, 3, 3))
    front, side, above = cameras[:, 2]
    torch.testing.assert_close(front, torch.tensor([0.0, 1, 0]))
    torch.testing.assert_close(side, torch.tensor([1.0, 0, 0]))
    torch.testing.assert_close(above, torch.tensor([0.0, 0.5, 0.75**0.5]))


def test_the_front_view_of_a_swapped_file_is_not_mirrored():
    """A y-up file seen from +z: its +x is on the right, its +y above."""
    xyz = np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    swapped = SwapYZ()(dict(xyz=xyz, up_axis='y'))['xyz']
    colours = torch.eye(4)[None, :, 1:]  # black, red, green, blue
    image = render_points(torch.tensor(swapped)[None], colours, view_cameras(VIEWS[:1]), 30)[0, 0]
    corner, right, top = image[:, -3, 2], image[:, -3, -3], image[:, 2, 2]
    assert right[0] > 0.4 and right[1:].max() == 0
    assert top[1] > 0.4 and top[[0, 2]].max() == 0
    assert corner[2] > 0.4 and corner[:2].max() == 0  # blue is nearest to the viewer


def test_tokens_are_the_projected_means_of_the_trunks_maps(points):
    torch.manual_seed(0)
    views = ProjectedViews(TRUNK, VIEWS, 64, 16, 0.5, 3).eval()
    views.feature_norm.running_mean.uniform_()
    tokens = views(points)
    assert tokens.shape == (2, 3, 16)
    images = render_points(points[..., :3], points[..., 3:], views.cameras, 64)
    maps = views.trunk(images[1])
    mean, var = views.feature_norm.running_mean, views.feature_norm.running_var
    rows = (maps.mean((2, 3)) - mean) / (var + 1e-5).sqrt()
    expected = views.norm(views.proj(rows) + views.view_embed)
    torch.testing.assert_close(tokens[1], expected, atol=1e-5, rtol=1e-4)


def test_training_looks_at_some_views_and_evaluation_at_all(points):
    views = ProjectedViews(TRUNK, VIEWS, 64, 16, 0.0, 2)
    seen = set()
    for seed in range(8):
        torch.manual_seed(seed)
        tokens = views(points)
        assert tokens.shape == (2, 2, 16)
        views.zero_grad()
        (tokens * torch.arange(16.0)).sum().backward()
        seen.add(tuple(views.view_embed.grad.abs().sum(1).nonzero().flatten().tolist()))
    assert seen == {(0, 1), (0, 2), (1, 2)}
    assert views.eval()(points).shape == (2, 3, 16)


def test_the_trunk_is_frozen_and_not_in_the_checkpoint():
    model = build('point_view').train()
    assert not [key for key in model.state_dict() if 'trunk' in key]
    network = model.views.trunk.network('lite')
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    same = build('ppt')
    assert set(same.state_dict()) < set(model.state_dict())


def test_views_matter_and_tokens_of_patches_are_all_that_is_returned(points):
    model = build('point_view').eval()
    tokens = model.forward_tokens(points)
    assert tokens.tokens.shape == (2, CONFIGS['point_view']['num_patches'], 32)
    grey = torch.cat([points[..., :3], torch.full_like(points[..., 3:], 0.4)], -1)
    assert not torch.allclose(model(grey), model(points), atol=1e-3)


def test_wrong_settings_name_their_key():
    with pytest.raises(ValueError, match='train_views = 7: expected 1 to 6'):
        build('point_view', train_views=7)
    with pytest.raises(ValueError, match='in_channels = 3; give it 6 or more'):
        MODELS.build(dict(CONFIGS['point_view'], in_channels=3))
