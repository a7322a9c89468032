import numpy as np
import pytest
from mmengine.registry import DATA_SAMPLERS

from mrd_plugin.datasets.shapes.neighbours import read_neighbours, write_neighbours
from mrd_plugin.methods.openshape import hard_negatives
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.test_datasets.test_shapes.samples import save_pickled

IDS = [f's{i}' for i in range(23)]


class Shapes:
    """The face of a data set that samplers see."""

    def __init__(self, ids):
        self.ids = ids

    def __len__(self):
        return len(self.ids)

    def get_data_info(self, row):
        return dict(sample_id=self.ids[row])


def table(tmp_path, k=4):
    """Neighbours of i: i + 1 to i + k, around."""
    index = (np.arange(len(IDS))[:, None] + np.arange(1, k + 1)) % len(IDS)
    path = tmp_path / 'neighbours.npz'
    write_neighbours(path, IDS, index, dict(space='text'))
    return path, index


def sampler(dataset, path, **kwargs):
    cfg = dict(type='HardNegativeSampler', neighbours=str(path), **kwargs)
    return DATA_SAMPLERS.build(cfg, default_args=dict(dataset=dataset, seed=5))


def test_a_table_comes_back(tmp_path):
    path, index = table(tmp_path)
    read = read_neighbours(path)
    assert read.ids == tuple(IDS) and read.meta == dict(space='text')
    np.testing.assert_array_equal(read.rows, index)
    # a data set in another order, with one shape less and one more
    here = [*reversed(IDS[:-1]), 'new']
    near = read.rows_for(here)
    assert [here[row] for row in near[0]] == ['s0', 's1', 's2']  # of s21: s22 is not here
    assert len(near[-1]) == 0


def test_openshape_table_names_each_shape_first(tmp_path):
    index = np.array([[0, 2, 1], [1, 0, 2], [2, 1, 0]])
    save_pickled(tmp_path / 'point_feat_knn.npy', dict(name=['a', 'b', 'c'], index=index))
    near = read_neighbours(tmp_path / 'point_feat_knn.npy').rows_for(['a', 'b', 'c'])
    assert [row.tolist() for row in near] == [[2, 1], [0, 2], [1, 0]]


def test_groups_are_a_seed_and_its_neighbours(tmp_path):
    path, index = table(tmp_path)
    drawn = sampler(Shapes(IDS), path, group_size=3, num_neighbours=2)
    order = list(drawn)
    assert len(order) == len(drawn) == 21
    groups = np.array(order).reshape(-1, 3)
    assert len(set(groups[:, 0])) == 7  # no seed twice
    for seed, *near in groups:
        assert set(near) == set(index[seed][:2])
    assert list(drawn) == order
    drawn.set_epoch(1)
    assert list(drawn) != order


def test_neighbours_are_drawn_evenly_and_never_twice(tmp_path):
    path, index = table(tmp_path)
    drawn = sampler(Shapes(IDS), path, group_size=3, num_neighbours=4)
    counts = np.zeros(5)
    for epoch in range(300):
        drawn.set_epoch(epoch)
        for seed, *near in np.array(list(drawn)).reshape(-1, 3):
            assert len(set(near)) == 2
            for row in near:
                counts[(row - seed) % len(IDS)] += 1
    share = counts[1:] / counts.sum()
    assert counts[0] == 0 and np.abs(share - 0.25).max() < 0.02


def test_shapes_without_neighbours_are_joined_at_random(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        hard_negatives, 'print_log', lambda text, *args, **kwargs: said.append(text)
    )
    index = np.full((23, 3), -1)
    index[0] = [1, 2, 3]
    write_neighbours(tmp_path / 'n.npz', IDS, index, {})
    drawn = sampler(Shapes(IDS), tmp_path / 'n.npz', group_size=3, num_neighbours=3)
    for group in np.array(list(drawn)).reshape(-1, 3):
        assert len(set(group)) == 3
    assert '22 of 23 shapes have fewer than 2 neighbours' in said[0]


def test_ranks_share_the_seeds(tmp_path, monkeypatch):
    path, _ = table(tmp_path)
    seeds = []
    for rank in range(2):
        where = 'mrd_plugin.methods.openshape.hard_negatives.get_dist_info'
        monkeypatch.setattr(where, lambda rank=rank: (rank, 2))
        drawn = sampler(Shapes(IDS), path, group_size=3, num_neighbours=4)
        assert len(list(drawn)) == len(drawn) == 9
        seeds += list(drawn)[::3]
    assert len(set(seeds)) == 6


def test_what_is_wrong_is_said(tmp_path):
    path, _ = table(tmp_path)
    with pytest.raises(ConfigError, match='build it with `python tools/build_hard_negatives.py'):
        sampler(Shapes(IDS), tmp_path / 'none.npz')
    with pytest.raises(ConfigError, match='group_size=6, num_neighbours=4'):
        sampler(Shapes(IDS), path, group_size=6, num_neighbours=4)
    with pytest.raises(ConfigError, match='the data set has 2 samples'):
        sampler(Shapes(IDS[:2]), path, group_size=3)
    with pytest.raises(
        ConfigError, match="its ids look like 's0', those of the data set like 'x0'"
    ):
        sampler(Shapes([f'x{i}' for i in range(5)]), path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadSampleError, match='is no table of neighbours'):
        read_neighbours(path)
    write_neighbours(path, IDS, np.full((23, 2), 23), {})
    with pytest.raises(BadSampleError, match='expected one row'):
        read_neighbours(path)
