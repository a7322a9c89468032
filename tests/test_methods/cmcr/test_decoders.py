"""Heads and decoders of the LiDAR family."""

import pytest
import torch
import torch.nn.functional as F

from mrd_plugin.methods.cmcr.decoders import ImageDecoder, OccupancyDecoder
from mrd_plugin.models.heads import ImageHead
from mrd_plugin.ops import sample_pixels


def test_image_head_commutes_with_enlarging():
    torch.manual_seed(0)
    head = ImageHead(5, 3)
    maps = torch.randn(2, 5, 4, 6)
    enlarged = F.interpolate(maps, (9, 12), mode='bilinear', align_corners=True)
    pixels = torch.cartesian_prod(torch.arange(2), torch.arange(9), torch.arange(12))
    expected = head(enlarged).permute(0, 2, 3, 1).reshape(-1, 3)
    torch.testing.assert_close(sample_pixels(head(maps), pixels, (9, 12)), expected)


@pytest.mark.parametrize(('stride', 'grid'), [(1, (9, 14)), (4, (3, 4))])
def test_image_decoder_gives_images(stride, grid):
    decoder = ImageDecoder(6, stride)
    assert decoder.grid(9, 14) == grid
    images = decoder(torch.randn(2, 6, *grid), (9, 14))
    assert images.shape == (2, 3, 9, 14)
    assert (images > 0).all() and (images < 1).all()


def test_released_decoder_is_three_convolutions():
    decoder = ImageDecoder(6, 1)
    x = torch.randn(1, 6, 5, 7)
    expected = decoder.last(decoder.second(decoder.first(x).relu()).relu()).sigmoid()
    torch.testing.assert_close(decoder(x, (5, 7)), expected)
    assert [tuple(p.shape) for p in ImageDecoder(64).parameters() if p.dim() > 1] == [
        (32, 64, 3, 3),
        (16, 32, 3, 3),
        (3, 16, 3, 3),
    ]


def test_occupancy_decoder_has_the_sizes_of_also():
    decoder = OccupancyDecoder()
    shapes = [tuple(p.shape) for p in decoder.parameters() if p.dim() > 1]
    assert shapes == [(128, 67), (128, 128), (128, 128), (2, 128)]
    assert decoder(torch.randn(5, 64), torch.randn(5, 3)).shape == (5, 2)
    assert decoder(torch.randn(0, 64), torch.randn(0, 3)).shape == (0, 2)
