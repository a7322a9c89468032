import torch

from mrd_plugin.ops import radius_neighbours


def test_pairs_equal_the_loop():
    generator = torch.Generator().manual_seed(0)
    xyz = torch.rand(120, 3, generator=generator) * 4
    queries = torch.rand(30, 3, generator=generator) * 5  # some have nothing in reach
    point_batch = torch.tensor([0] * 70 + [2] * 50)  # sample 1 has no point
    query_batch = torch.arange(30) % 3
    query, point = radius_neighbours(xyz, point_batch, queries, query_batch, 3, 0.8, 4)
    expected = []
    for q in range(30):
        near = [
            n
            for n in range(120)
            if point_batch[n] == query_batch[q] and (xyz[n] - queries[q]).norm() <= 0.8
        ]
        expected += [(q, n) for n in near[:4]]
    assert sorted(zip(query.tolist(), point.tolist())) == expected
    assert len({q for q, _ in expected}) < 20  # the loop has seen queries without neighbours


def test_no_queries_and_no_points():
    nothing, none = torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)
    xyz, batch = torch.rand(5, 3), torch.zeros(5, dtype=torch.long)
    for args in ((nothing, none, xyz, batch), (xyz, batch, nothing, none)):
        query, point = radius_neighbours(*args, 1, 1.0, 4)
        assert query.shape == point.shape == (0,)
