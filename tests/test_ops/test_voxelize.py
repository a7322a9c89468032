import numpy as np
import pytest
import torch

from mrd_plugin.ops import voxelize


def reference(xyz, size, coordinates):
    """Voxels of one cloud, by dictionary: cell -> indices of its points."""
    x, y, z = xyz.double().numpy().T
    if coordinates == 'cylindrical':
        x, y = np.sqrt(x**2 + y**2), np.degrees(np.arctan2(y, x))
    cells = {}
    for i, cell in enumerate(zip(*(np.floor(v / s).astype(int) for v, s in zip((x, y, z), size)))):
        cells.setdefault(cell, []).append(i)
    return cells


@pytest.mark.parametrize(
    ('coordinates', 'size'), [('cartesian', (0.3, 0.2, 0.25)), ('cylindrical', (0.3, 20.0, 0.25))]
)
def test_voxels_of_two_clouds_are_those_of_the_definition(coordinates, size):
    generator = torch.Generator().manual_seed(0)
    clouds = [torch.rand(n, 3, generator=generator) * 4 - 2 for n in (700, 300)]
    sample = torch.tensor([0] * 700 + [1] * 300)
    coords, first, of_point = voxelize(torch.cat(clouds), sample, 2, size, coordinates)
    assert coords.dtype == torch.int32 and coords.min() >= 0
    for index, (cloud, start) in enumerate(zip(clouds, (0, 700))):
        expected = reference(cloud, size, coordinates)
        rows = (coords[:, 0] == index).nonzero()[:, 0]
        assert len(rows) == len(expected)
        shift = torch.tensor(min(expected)).new_tensor(
            [min(cell[axis] for cell in expected) // 16 * 16 for axis in range(3)]
        )
        for row in rows.tolist():
            cell = tuple((coords[row, 1:] + shift).tolist())
            members = (of_point == row).nonzero()[:, 0]
            assert (members - start).tolist() == expected[cell]
            assert first[row] == members[0]


def test_voxels_of_a_cloud_do_not_depend_on_its_batch():
    generator = torch.Generator().manual_seed(1)
    one, other = (torch.randn(50, 3, generator=generator) * s for s in (1, 30))
    alone = voxelize(one, torch.zeros(50, dtype=torch.long), 1, (0.1, 0.1, 0.1))
    sample = torch.arange(2).repeat_interleave(50)
    both = voxelize(torch.cat([other, one]), sample, 2, (0.1, 0.1, 0.1))
    torch.testing.assert_close(both.coords[both.coords[:, 0] == 1][:, 1:], alone.coords[:, 1:])


def test_a_fixed_origin_counts_from_it():
    xyz = torch.tensor([[-51.2, -51.2, -5.0], [0.05, 0.05, 0.05]])
    voxels = voxelize(
        xyz, torch.zeros(2, dtype=torch.long), 1, (0.1, 0.1, 0.2), origin=xyz[0].tolist()
    )
    assert voxels.coords.tolist() == [[0, 0, 0, 0], [0, 512, 512, 25]]


def test_an_empty_cloud_has_no_voxels():
    sample = torch.ones(3, dtype=torch.long)
    voxels = voxelize(torch.zeros(3, 3), sample, 2, (0.1, 0.1, 0.1))
    assert voxels.coords.tolist() == [[1, 0, 0, 0]] and voxels.of_point.tolist() == [0, 0, 0]
    assert len(voxelize(torch.zeros(0, 3), sample[:0], 1, (0.1, 0.1, 0.1)).coords) == 0
