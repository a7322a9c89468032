import builtins

import pytest
import torch
import torch.nn.functional as F

from mrd_plugin.compat.spconv_cpu import import_spconv
from mrd_plugin.models.backbones.voxels.sparse_resnet import _strided
from mrd_plugin.models.backbones.voxels.voxels import mean_voxels, rows_of_cells


@pytest.fixture
def sparse():
    """Two samples of a 8 x 8 x 16 grid with a fifth of the cells occupied."""
    spconv = import_spconv()
    generator = torch.Generator().manual_seed(0)
    occupied = torch.rand(2, 8, 8, 16, generator=generator) < 0.2
    indices = torch.nonzero(occupied).int().contiguous()  # spconv reads memory, not strides
    features = torch.randn(len(indices), 3, generator=generator)
    return spconv, features, indices


def dense_of(features, indices):
    grid = features.new_zeros(2, 8, 8, 16, features.shape[1])
    grid = grid.index_put(tuple(indices.long().T), features)
    return grid.permute(0, 4, 1, 2, 3)


@pytest.mark.parametrize(('size', 'stride'), [(3, 1), (5, 1), (2, 2), (3, 2)])
def test_values_and_gradients_equal_dense_convolution(sparse, size, stride):
    spconv, features, indices = sparse
    features = features.requires_grad_()
    cls = spconv.SubMConv3d if stride == 1 else spconv.SparseConv3d
    padding = 0 if size == 2 else size // 2
    conv = cls(3, 4, size, stride=stride, padding=padding, bias=False)
    out = conv(spconv.SparseConvTensor(features, indices, [8, 8, 16], 2))
    weight = conv.weight.permute(0, 4, 1, 2, 3)
    dense = F.conv3d(dense_of(features, indices), weight, stride=stride, padding=padding)
    b, x, y, z = out.indices.long().T
    expected = dense.permute(0, 2, 3, 4, 1)[b, x, y, z]
    torch.testing.assert_close(out.features, expected)
    grad = torch.randn_like(expected)
    inputs = [features, conv.weight]
    ours = torch.autograd.grad(out.features, inputs, grad, retain_graph=True)
    for a, b in zip(ours, torch.autograd.grad(expected, inputs, grad)):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_inverse_convolution_equals_a_dense_one(sparse):
    """Back to the voxels that a strided convolution came from, in values and gradients."""
    spconv, features, indices = sparse
    features = features.requires_grad_()
    down = spconv.SparseConv3d(3, 4, 2, stride=2, bias=False, indice_key='down')
    up = spconv.SparseInverseConv3d(4, 5, 2, indice_key='down', bias=False)
    out = up(down(spconv.SparseConvTensor(features, indices, [8, 8, 16], 2)))
    assert torch.equal(out.indices, indices)
    kernels = [conv.weight.permute(0, 4, 1, 2, 3) for conv in (down, up)]
    coarse = F.conv3d(dense_of(features, indices), kernels[0], stride=2)
    dense = F.conv_transpose3d(coarse, kernels[1].transpose(0, 1), stride=2)
    b, x, y, z = indices.long().T
    expected = dense.permute(0, 2, 3, 4, 1)[b, x, y, z]
    torch.testing.assert_close(out.features, expected)
    grad = torch.randn_like(expected)
    inputs = [features, down.weight, up.weight]
    ours = torch.autograd.grad(out.features, inputs, grad, retain_graph=True)
    for a, b in zip(ours, torch.autograd.grad(expected, inputs, grad)):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_strided_convolution_has_minkowski_outputs(sparse):
    """One output for every coarse cell that holds an input, though a 3x3x3 window reaches more."""
    spconv, features, indices = sparse
    conv = spconv.SparseConv3d(3, 4, 3, 2, padding=1, bias=False)
    out = _strided(conv, spconv.SparseConvTensor(features, indices, [8, 8, 16], 2))
    expected = {(b, x // 2, y // 2, z // 2) for b, x, y, z in indices.tolist()}
    assert sorted(expected) == [tuple(row) for row in out.indices.tolist()]
    dense = F.conv3d(
        dense_of(features, indices), conv.weight.permute(0, 4, 1, 2, 3), stride=2, padding=1
    )
    b, x, y, z = out.indices.long().T
    torch.testing.assert_close(out.features, dense.permute(0, 2, 3, 4, 1)[b, x, y, z])


def test_voxels_average_their_points():
    points = torch.rand(2, 60, 5, generator=torch.Generator().manual_seed(0)) - 0.5
    voxels = mean_voxels(points, 0.25, 4)
    cells = torch.floor(points[..., :3] / 0.25).long()
    for b in range(2):
        for n in range(60):
            row = voxels.of_point[b * 60 + n]
            same = (cells[b] == cells[b, n]).all(-1)
            torch.testing.assert_close(voxels.features[row], points[b, same].mean(0))
            # Counted from the multiple of 4 below the lowest cell, which is -2.
            assert voxels.indices[row].tolist() == [b, *(cells[b, n] + 4).tolist()]
    assert voxels.shape == [8, 8, 8]
    found = rows_of_cells(voxels.indices, voxels.indices.flip(0), voxels.shape)
    assert torch.equal(found, torch.arange(len(voxels.indices)).flip(0))


def test_missing_spconv_names_the_command(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith('spconv'):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(ImportError, match='pip install "spconv>=2.3.6"'):
        import_spconv()


def test_threads_do_not_change_the_result(sparse):
    """spconv's own CPU path loses rows now and then with more than one thread."""
    spconv, features, indices = sparse
    conv = spconv.SubMConv3d(3, 4, 5, bias=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        outs = [
            conv(spconv.SparseConvTensor(features, indices, [8, 8, 16], 2)).features
            for _ in range(30)
        ]
    finally:
        torch.set_num_threads(before)
    assert all(torch.allclose(out, outs[0], atol=1e-6) for out in outs)
