"""Pooling over segments, and reading maps at pixels."""

import pytest
import torch
import torch.nn.functional as F

from mrd_plugin.ops import sample_pixels, segment_mean, superpixel_pool, unit_pixel_pool

half = pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])


def seeded(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def plain_pool(features, labels, num_segments):
    means, counts = [], []
    for view, segments in zip(features, labels):
        for segment in range(num_segments):
            inside = segments == segment
            counts.append(int(inside.sum()))
            pixels = view[:, inside]
            means.append(pixels.mean(1) if counts[-1] else pixels.sum(1))
    return torch.stack(means), torch.tensor(counts)


@pytest.fixture
def maps():
    features = seeded(3, 5, 7, 9)
    labels = torch.randint(-1, 4, (3, 7, 9), generator=torch.Generator().manual_seed(1))
    labels[labels == 2] = 1  # segment 2 has no pixel anywhere
    labels[2] = -1  # and one image has no segment
    return features, labels


def test_pooling_equals_the_loop(maps):
    features, labels = maps
    means, counts = superpixel_pool(features, labels, 6)
    expected, numbers = plain_pool(features, labels, 6)
    torch.testing.assert_close(means, expected)
    assert torch.equal(counts, numbers)
    assert counts.view(3, 6)[:, 2].tolist() == [0, 0, 0] and not means.view(3, 6, 5)[2].any()


def test_pooling_of_segments_is_the_mean_of_the_image():
    features = seeded(2, 3, 4, 6, dtype=torch.float32)
    means, counts = superpixel_pool(features, torch.zeros(2, 4, 6, dtype=torch.int32), 1)
    torch.testing.assert_close(means, features.mean((2, 3)))
    assert counts.tolist() == [24, 24]


def test_pooling_gradients(maps):
    features, labels = maps
    features.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: superpixel_pool(x, labels, 6)[0], features)
    grad = seeded(18, 5, seed=2)
    ours = torch.autograd.grad(superpixel_pool(features, labels, 6)[0], features, grad)[0]
    plain = torch.autograd.grad(plain_pool(features, labels, 6)[0], features, grad)[0]
    torch.testing.assert_close(ours, plain)


def test_pooling_on_other_devices_is_the_same(maps, monkeypatch):
    """The path of CUDA tensors, run on a CPU."""
    from mrd_plugin.ops import superpixel_pool as function

    module = __import__('sys').modules[function.__module__]
    features, labels = maps
    features.requires_grad_()
    grad = seeded(18, 5, seed=2)

    def both():
        means = superpixel_pool(features, labels, 6)[0]
        return means, torch.autograd.grad(means, features, grad)[0]

    on_cpu = both()
    monkeypatch.setattr(module, '_sums_cpu', module._sums_cuda)
    monkeypatch.setattr(module, '_spread_cpu', module._spread_cuda)
    torch.testing.assert_close(both(), on_cpu)


def test_pooling_refuses_maps_of_another_size(maps):
    features, labels = maps
    with pytest.raises(ValueError, match=r'\(3, 6, 9\).*another size'):
        superpixel_pool(features, labels[:, :6], 6)
    with pytest.raises(ValueError, match='labels go up to 3, but num_segments=3'):
        superpixel_pool(features, labels, 3)


def test_segment_means_equal_the_loop():
    rows = seeded(20, 3).requires_grad_()
    segment = torch.randint(4, (20,), generator=torch.Generator().manual_seed(1))
    segment[segment == 1] = 0
    means, counts = segment_mean(rows, segment, 6)
    for s in range(6):
        inside = rows[segment == s]
        assert counts[s] == len(inside)
        expected = inside.mean(0) if len(inside) else torch.zeros(3, dtype=rows.dtype)
        torch.testing.assert_close(means[s], expected)
    assert torch.autograd.gradcheck(lambda x: segment_mean(x, segment, 6)[0], rows)


@pytest.mark.parametrize('cells', [(4, 5), (1, 3), (9, 12)])
def test_sampling_equals_enlarging(cells):
    maps = seeded(2, 3, *cells).requires_grad_()
    pixels = torch.cartesian_prod(torch.arange(2), torch.arange(9), torch.arange(12))
    enlarged = F.interpolate(maps, (9, 12), mode='bilinear', align_corners=True)
    expected = enlarged[pixels[:, 0], :, pixels[:, 1], pixels[:, 2]]
    torch.testing.assert_close(sample_pixels(maps, pixels, (9, 12)), expected)
    few = pixels[::17]
    assert torch.autograd.gradcheck(lambda x: sample_pixels(x, few, (9, 12)), maps)


def enlarged_pool(maps, labels, num_segments):
    pixels = F.interpolate(maps, labels.shape[1:], mode='bilinear', align_corners=True)
    return plain_pool(F.normalize(pixels, dim=1), labels, num_segments)


@pytest.mark.parametrize('cells', [(4, 5), (1, 3), (7, 9)])
def test_unit_pixels_are_pooled_as_if_enlarged(maps, cells):
    _, labels = maps
    small = seeded(3, 5, *cells, seed=3).requires_grad_()
    means, counts = unit_pixel_pool(small, labels, 6)
    expected, numbers = enlarged_pool(small, labels, 6)
    torch.testing.assert_close(means, expected)
    assert torch.equal(counts, numbers)
    grad = seeded(18, 5, seed=2)
    ours = torch.autograd.grad(means, small, grad)[0]
    torch.testing.assert_close(ours, torch.autograd.grad(expected, small, grad)[0])
    assert torch.autograd.gradcheck(lambda x: unit_pixel_pool(x, labels, 6)[0], small)


def test_unit_pixels_in_float32_and_of_nothing(maps):
    _, labels = maps
    small = seeded(3, 5, 2, 3, dtype=torch.float32)
    torch.testing.assert_close(
        unit_pixel_pool(small, labels, 6)[0], enlarged_pool(small, labels, 6)[0]
    )
    nothing = torch.zeros(3, 5, 2, 3, requires_grad=True)
    means = unit_pixel_pool(nothing, labels, 6)[0]
    means.sum().backward()
    assert not means.any() and nothing.grad.isfinite().all()
    with pytest.raises(ValueError, match='labels go up to 3'):
        unit_pixel_pool(small, labels, 2)
    with pytest.raises(ValueError, match='maps'):
        unit_pixel_pool(small[:2], labels, 6)


def read_every_pixel(maps, labels):
    pixels = torch.cartesian_prod(torch.arange(3), torch.arange(7), torch.arange(9))
    return sample_pixels(maps, pixels, (7, 9))


def average_rows(maps, labels):
    return segment_mean(maps.permute(0, 2, 3, 1).flatten(0, 2), labels.clamp(min=0).flatten(), 6)[0]


POOLS = dict(
    superpixel_pool=lambda maps, labels: superpixel_pool(maps, labels, 6)[0],
    unit_pixel_pool=lambda maps, labels: unit_pixel_pool(maps, labels, 6)[0],
    segment_mean=average_rows,
    sample_pixels=read_every_pixel,
)


@half
@pytest.mark.parametrize('name', POOLS)
def test_half_precision_is_computed_and_given_back_in_float32(name, dtype, maps):
    features, labels = maps
    given = features.to(dtype).requires_grad_()
    raised = given.detach().float().requires_grad_()
    out, expected = POOLS[name](given, labels), POOLS[name](raised, labels)
    assert out.dtype == torch.float32 and torch.equal(out, expected)
    grad = seeded(*out.shape, seed=2, dtype=torch.float32)
    ours = torch.autograd.grad(out, given, grad)[0]
    assert torch.equal(ours, torch.autograd.grad(expected, raised, grad)[0].to(dtype))


@half
def test_means_of_seventy_thousand_rows_in_half_precision(dtype):
    """Their number is infinite in float16."""
    rows = torch.ones(70_000, 2, dtype=dtype)
    means, counts = segment_mean(rows, torch.zeros(70_000, dtype=torch.long), 1)
    assert means.tolist() == [[1, 1]] and counts.tolist() == [70_000]


@half
def test_positions_between_cells_keep_their_digits(dtype):
    """On a ramp of 56 cells over 416 pixels a position rounded to bfloat16 is off by 0.25."""
    ramp = torch.arange(56, dtype=dtype).view(1, 1, 1, 56)
    column = torch.arange(416)
    pixels = torch.stack([column * 0, column * 0, column], dim=1)
    read = sample_pixels(ramp, pixels, (1, 416))[:, 0]
    torch.testing.assert_close(read, column * (55 / 415))


@pytest.mark.parametrize('views', [3, 0])
def test_no_segments_and_no_images(views):
    maps = torch.ones(views, 5, 4, 6, requires_grad=True)
    labels = torch.full((views, 4, 6), -1)
    for pool in (superpixel_pool, unit_pixel_pool):
        means, counts = pool(maps, labels, 0)
        assert means.shape == (0, 5) and counts.shape == (0,)
        means.sum().backward()
        assert not maps.grad.any()
