import pytest
import torch

from mrd_plugin import ops
from mrd_plugin.ops.furthest_point_sample import _fps_torch
from mrd_plugin.ops.neighbours import _ball_query_torch, _queries_at_once
from tests.test_ops import reference


@pytest.fixture
def clouds():
    return torch.rand(3, 200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('start', [0, 17])
def test_fps_equals_reference(clouds, dtype, start):
    xyz = clouds.to(dtype)
    expected = reference.furthest_point_sample(xyz, 30, start)
    assert torch.equal(ops.furthest_point_sample(xyz, 30, start), expected)
    assert torch.equal(_fps_torch(xyz, 30, start), expected)


def test_fps_on_a_line():
    xyz = torch.zeros(1, 5, 3)
    xyz[0, :, 0] = torch.tensor([0.0, 1.0, 2.0, 3.0, 8.0])
    assert ops.furthest_point_sample(xyz, 4).tolist() == [[0, 4, 3, 1]]


def test_fps_of_equal_points_takes_the_lowest_index():
    assert ops.furthest_point_sample(torch.ones(1, 6, 3), 3).tolist() == [[0, 0, 0]]


def test_fps_whole_cloud_is_a_permutation(clouds):
    index = ops.furthest_point_sample(clouds, 200)
    assert torch.equal(index.sort(-1).values, torch.arange(200).expand(3, -1))


def test_fps_ignores_threads(clouds):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        single = ops.furthest_point_sample(clouds, 40)
        torch.set_num_threads(2)
        assert torch.equal(ops.furthest_point_sample(clouds, 40), single)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ('shape', 'k', 'start', 'message'),
    [((2, 9, 2), 3, 0, 'shape'), ((2, 9, 3), 10, 0, 'k must lie'), ((2, 9, 3), 3, 9, 'start')],
)
def test_fps_refuses_bad_input(shape, k, start, message):
    with pytest.raises(ValueError, match=message):
        ops.furthest_point_sample(torch.zeros(shape), k, start)


@pytest.mark.parametrize('radius', [0.05, 0.4, 3.0])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_ball_query_equals_reference(clouds, radius, dtype):
    xyz = clouds.to(dtype)
    centres = torch.cat([xyz[:, :20], xyz[:, :5] + 9], dim=1)  # the last five see no point
    expected = reference.ball_query(xyz, centres, radius, 8)
    assert torch.equal(ops.ball_query(xyz, centres, radius, 8), expected)
    assert torch.equal(_ball_query_torch(xyz, centres, radius, 8, chunk=7), expected)
    assert torch.equal(_ball_query_torch(xyz, centres, radius, 8), expected)


def test_ball_query_includes_the_radius_and_pads_with_the_first():
    xyz = torch.tensor([[[2.0, 0, 0], [1.0, 0, 0], [0.5, 0, 0]]])
    assert ops.ball_query(xyz, torch.zeros(1, 1, 3), 1.0, 4).tolist() == [[[1, 2, 1, 1]]]


def test_ball_query_refuses_bad_input(clouds):
    with pytest.raises(ValueError, match='cast one'):
        ops.ball_query(clouds, clouds.double(), 0.1, 3)
    with pytest.raises(ValueError, match='N >= 1'):
        ops.ball_query(clouds[:, :0], clouds, 0.1, 3)
    with pytest.raises(ValueError, match='centres'):
        ops.ball_query(clouds, clouds[:1], 0.1, 3)


def test_knn_equals_full_sort(clouds):
    queries = clouds[:, :37]
    full = (queries[:, :, None] - clouds[:, None]).norm(dim=-1).sort(dim=-1)
    dist, index = ops.knn(clouds, queries, 9, chunk=10)
    assert torch.equal(index, full.indices[..., :9])
    torch.testing.assert_close(dist, full.values[..., :9])
    assert torch.equal(index[:, :, 0], torch.arange(37).expand(3, -1))
    with pytest.raises(ValueError, match='k must lie'):
        ops.knn(clouds, queries, 201)


def test_gather_points_values_and_gradient():
    features = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([[[0, 0], [4, 1]], [[2, 3], [3, 3]]])
    out = ops.gather_points(features, index)
    for b in range(2):
        assert torch.equal(out[b], features[b][index[b]])
    assert torch.equal(ops.gather_points(features, index[..., 0]), out[:, :, 0])
    assert torch.autograd.gradcheck(lambda f: ops.gather_points(f, index), features)


def test_three_interpolate_equals_reference(clouds):
    xyz = clouds.double()
    features = torch.randn(3, 12, 4, dtype=torch.float64, requires_grad=True)
    out = ops.three_interpolate(xyz[:, 12:40], xyz[:, :12], features)
    expected = reference.three_interpolate(xyz[:, 12:40], xyz[:, :12], features)
    torch.testing.assert_close(out, expected)
    assert torch.autograd.gradcheck(
        lambda f: ops.three_interpolate(xyz[:, 12:20], xyz[:, :12], f), features
    )


def test_three_interpolate_reproduces_sources_and_constants(clouds):
    features = torch.randn(3, 50, 2)
    same = ops.three_interpolate(clouds[:, :50], clouds[:, :50], features)
    torch.testing.assert_close(same, features, atol=1e-5, rtol=1e-5)
    ones = ops.three_interpolate(clouds, clouds[:, :2], torch.ones(3, 2, 1))
    torch.testing.assert_close(ones, torch.ones(3, 200, 1))


def test_distances_held_at_once_are_bounded_whatever_the_batch():
    assert _queries_at_once(torch.empty(16, 10_000, 3)) == 2**25 // 160_000
    assert _queries_at_once(torch.empty(4096, 100_000, 3)) == 1
    assert _queries_at_once(torch.empty(0, 10, 3)) == 2**25
