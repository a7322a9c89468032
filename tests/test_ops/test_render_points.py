import math

import numpy as np
import pytest
import torch

from mrd_plugin.ops import render_points

# Right, up and towards the viewer: from the front, and from the right.
FRONT = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
RIGHT = torch.tensor([[0.0, -1, 0], [0, 0, 1], [1, 0, 0]])
CAMERAS = torch.stack([FRONT, RIGHT])
FACING = 0.45 + 0.6 * 0.77  # brightness of a surface that faces the viewer


def plain(xyz, rgb, camera, size):
    """One image, a point and a pixel at a time."""
    place = xyz.astype(np.float64) @ camera.astype(np.float64).T
    low, high = place.min(0), place.max(0)
    scale = 0.92 * size / max((high - low)[:2])
    nearest = {}
    for index, (x, y, z) in enumerate(place - (low + high) / 2):
        column = min(max(math.floor(x * scale + size / 2), 0), size - 1)
        row = size - 1 - min(max(math.floor(y * scale + size / 2), 0), size - 1)
        for i in (row - 1, row, row + 1):
            for j in (column - 1, column, column + 1):
                if 0 <= i < size and 0 <= j < size and z > nearest.get((i, j), (-np.inf,))[0]:
                    nearest[i, j] = z, index
    around = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    height = {}
    for i, j in nearest:
        near = [nearest[i + a, j + b][0] for a, b in around if (i + a, j + b) in nearest]
        height[i, j] = scale * np.mean(near)

    def slope(one, other):
        if one not in height or other not in height:
            return 0.0
        return min(max((height[one] - height[other]) / 2, -4), 4)

    image = np.ones((size, size, 3))
    for i, j in nearest:
        right, up = slope((i, j + 1), (i, j - 1)), slope((i - 1, j), (i + 1, j))
        light = (0.77 - 0.29 * right - 0.57 * up) / math.sqrt(1 + right**2 + up**2)
        bright = 0.45 + 0.6 * min(max(light, 0), 1)
        image[i, j] = np.minimum(rgb[nearest[i, j][1]] * bright, 1)
    return image.transpose(2, 0, 1)


@pytest.fixture
def cloud():
    generator = torch.Generator().manual_seed(0)
    xyz = torch.rand(6, 150, 3, generator=generator) * torch.tensor([2.0, 1.0, 0.5])
    return xyz, torch.rand(6, 150, 3, generator=generator)


def test_equals_the_plain_loop(cloud):
    xyz, rgb = cloud
    images = render_points(xyz, rgb, CAMERAS, 24)
    assert images.shape == (6, 2, 3, 24, 24)
    for b in range(6):
        for v in range(2):
            expected = plain(xyz[b].numpy(), rgb[b].numpy(), CAMERAS[v].numpy(), 24)
            difference = np.abs(images[b, v].numpy() - expected).max(0)
            # Two depths that differ by less than 1 / 65536 of the shape may change places.
            assert (difference > 1e-4).mean() < 0.01


def test_neither_batch_nor_order_of_points_matters(cloud):
    xyz, rgb = cloud
    images = render_points(xyz, rgb, CAMERAS, 24)
    alone = torch.cat(
        [render_points(xyz[b : b + 1], rgb[b : b + 1], CAMERAS, 24) for b in range(6)]
    )
    torch.testing.assert_close(alone, images)
    flipped = render_points(xyz.flip(1), rgb.flip(1), CAMERAS, 24)
    torch.testing.assert_close(flipped, images)


def test_place_and_size_of_the_shape_do_not_matter(cloud):
    xyz, rgb = cloud
    images = render_points(xyz, rgb, CAMERAS, 24)
    moved = render_points(2 * xyz + 4, rgb, CAMERAS, 24)
    assert ((moved - images).abs().amax(2) > 1e-3).float().mean() < 0.01


def test_a_wall_hides_what_is_behind_it_and_faces_the_viewer():
    side = torch.linspace(-1, 1, 40)
    x, z = torch.meshgrid(side, side, indexing='ij')
    wall = torch.stack([x, torch.full_like(x, 0.5), z], -1).view(1, -1, 3)
    behind = wall * torch.tensor([0.9, -1.0, 0.9])
    colours = torch.cat([torch.tensor([1.0, 0, 0]).expand_as(wall), torch.zeros_like(wall)], 1)
    image = render_points(torch.cat([wall, behind], 1), colours, FRONT[None], 32)[0, 0]
    expected = torch.tensor([FACING, 0, 0])[:, None, None].expand(3, 26, 26)
    torch.testing.assert_close(image[:, 3:-3, 3:-3], expected)


def test_all_points_in_one_place_are_one_dot_on_white():
    images = render_points(torch.ones(1, 5, 3), torch.zeros(1, 5, 3), CAMERAS, 9)
    assert images.isfinite().all()
    assert (images == 0).all(2).sum((2, 3)).tolist() == [[9, 9]]
    assert (images == 1).all(2).sum((2, 3)).tolist() == [[72, 72]]
