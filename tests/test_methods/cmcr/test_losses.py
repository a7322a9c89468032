"""Loss terms of CMCR: codes, decoupling, occupancy, masked images."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from mrd_plugin.methods.cmcr import losses
from mrd_plugin.methods.cmcr.losses import (
    code_log_probabilities,
    cross_moment,
    occupancy_sums,
    orthogonality,
)
from tests.helpers import plain_pairs
from tests.test_methods.test_lidar_losses import (
    CODES,
    PIXELS,
    POINTS,
    kl,
    rows,
)


def test_occupancy_equals_the_loop():
    predicted = rows(9, 2, unit=False)
    occupied = (torch.arange(9) % 3 == 0).double()
    intensity = torch.linspace(-0.4, 0.4, 9, dtype=torch.float64)
    sums = occupancy_sums(predicted, occupied, intensity)
    entropy, error = plain_pairs.occupancy(predicted, occupied, intensity)
    torch.testing.assert_close(sums.occupancy / sums.pairs, entropy)
    torch.testing.assert_close(sums.intensity / sums.known, error)
    assert sums.known == 5
    assert occupancy_sums(predicted, occupied, None).intensity == 0
    predicted.requires_grad_()
    assert gradcheck(lambda x: occupancy_sums(x, occupied, intensity)[:2], predicted)


def test_code_choices_are_a_distribution():
    log_p = code_log_probabilities(POINTS, CODES)
    torch.testing.assert_close(log_p.exp(), torch.stack(plain_pairs.choices(POINTS, CODES)))
    on_code = CODES[:1].float().requires_grad_()
    code_log_probabilities(on_code, CODES.float())[0, 0].backward()
    assert on_code.grad.isfinite().all()


def test_orthogonal_features_cost_nothing():
    shared = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    specific = torch.tensor([[1.0, 0], [1, 0], [1, 0], [1, 0]])
    assert orthogonality(cross_moment(shared, specific), 4).item() == pytest.approx(0, abs=1e-6)
    same = torch.tensor([[1.0, 0]]).expand(6, 2)
    assert orthogonality(cross_moment(same, same), 6).item() == pytest.approx(1)


def test_orthogonality_does_not_grow_with_the_batch():
    """Defect 5 of the released code: its form doubles with a doubled batch."""
    twice = [torch.cat([x, x]) for x in (POINTS, PIXELS)]
    one, two = cross_moment(POINTS, PIXELS), cross_moment(*twice)
    torch.testing.assert_close(orthogonality(two, 18), orthogonality(one, 9))
    torch.testing.assert_close(orthogonality(two, 18, True), 2 * orthogonality(one, 9, True))
    expected = torch.linalg.norm(one) / 25
    torch.testing.assert_close(orthogonality(one, 9, True), expected)


def test_moment_kl_is_zero_for_standard_moments():
    x = torch.tensor([[1.0, -1], [-1, 1]])
    assert kl(x).item() == pytest.approx(0)
    shifted = kl(2 * x + 3)
    assert shifted.item() == pytest.approx(0.5 * (9 + 4 - math.log(4) - 1))


def test_reconstruction_counts_every_pixel_and_psnr_the_masked_ones():
    images = torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    predicted = images.flip(0).requires_grad_()
    masks = torch.zeros(2, 4, 5, dtype=torch.bool)
    masks[0, 1:3, 2:] = True
    expected = sum((a - b) ** 2 for a, b in zip(predicted.flatten(), images.flatten()))
    torch.testing.assert_close(losses.image_error(predicted, images), expected)
    assert gradcheck(lambda x: losses.image_error(x, images), predicted)
    psnr = losses.masked_psnr(predicted, images, masks)
    assert psnr.item() == pytest.approx(plain_pairs.psnr(predicted, images, masks))
    tenth = losses.masked_psnr(images + 0.1, images, masks)
    assert tenth.item() == pytest.approx(20)
    assert losses.masked_psnr(predicted, images, ~masks & masks) == 0


def test_usage_of_codes():
    codes = torch.tensor([0, 1, 2, 3] * 5)
    assert losses.perplexity(codes, 9).item() == pytest.approx(4)
    assert losses.perplexity(codes * 0, 9).item() == pytest.approx(1)
    assert losses.perplexity(codes[:0], 9) == 0
    assert losses.agreement(codes, codes.flip(0)) == 0
    assert losses.agreement(codes, codes * 0) == 0.25
    hit, kind = torch.tensor([True, False, True, True]), torch.tensor([0, 0, 2, 2])
    assert losses.rate_by_kind(hit, kind, 3).tolist() == [0.5, 0, 1]


def test_psnr_of_a_whole_image_in_half_precision():
    """In float16 the floor under the error is 0 and the ratio infinite."""
    image, masks = torch.ones(1, 3, 2, 2).half(), torch.ones(1, 2, 2, dtype=torch.bool)
    assert losses.masked_psnr(image, image, masks) == 100
