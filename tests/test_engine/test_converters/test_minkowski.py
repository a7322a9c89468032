"""MinkowskiEngine's kernels in spconv's layout, against a dense convolution and spconv itself."""

import pytest
import torch
from torch.nn.functional import conv3d

from mrd_plugin.engine.converters.minkowski_networks import to_spconv

from .plain_networks import minkowski

SIDE = 8


def scattered(channels, seed=0):
    """Voxels ``(M, 3)`` on a third of the grid and their features."""
    generator = torch.Generator().manual_seed(seed)
    taken = torch.rand(SIDE, SIDE, SIDE, generator=generator) < 0.3
    sites = taken.nonzero()
    return sites, torch.randn(len(sites), channels, generator=generator)


def dense(sites, features):
    grid = torch.zeros(1, features.shape[1], SIDE, SIDE, SIDE)
    grid[0, :, sites[:, 0], sites[:, 1], sites[:, 2]] = features.T
    return grid


@pytest.mark.parametrize(('size', 'stride'), [(3, 1), (5, 1), (2, 2), (3, 2)])
def test_kernels_equal_a_dense_convolution(size, stride):
    sites, features = scattered(4)
    kernel = torch.randn(size**3, 4, 6, generator=torch.Generator().manual_seed(1))
    weight = to_spconv(kernel)
    assert weight.shape == (6, size, size, size, 4) and weight.is_contiguous()
    out_sites, expected = minkowski(sites, features, kernel, stride)
    out_sites = out_sites // stride
    padding = size // 2 if size % 2 else 0
    grid = conv3d(dense(sites, features), weight.permute(0, 4, 1, 2, 3), None, stride, padding)
    got = grid[0, :, out_sites[:, 0], out_sites[:, 1], out_sites[:, 2]].T
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(('size', 'stride'), [(1, 1), (3, 1), (5, 1), (2, 2)])
def test_spconv_gives_the_same(size, stride):
    import spconv.pytorch as spconv

    sites, features = scattered(4)
    kernel = torch.randn(size**3, 4, 6, generator=torch.Generator().manual_seed(1))
    kernel = kernel[0] if size == 1 else kernel
    kind = spconv.SubMConv3d if stride == 1 else spconv.SparseConv3d
    layer = kind(4, 6, size, stride, bias=False)
    assert layer.weight.shape == to_spconv(kernel).shape
    layer.weight.data.copy_(to_spconv(kernel))
    index = torch.cat([torch.zeros(len(sites), 1), sites], dim=1).int()
    with torch.no_grad():
        out = layer(spconv.SparseConvTensor(features, index, [SIDE] * 3, 1))
    order = torch.unique(out.indices[:, 1:].long(), dim=0, return_inverse=True)[1].argsort()
    out_sites, expected = minkowski(sites, features, kernel, stride)
    assert torch.equal(out.indices[order, 1:].long(), out_sites // stride)
    torch.testing.assert_close(out.features[order], expected, atol=1e-4, rtol=1e-4)
