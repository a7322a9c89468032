"""MRDLoss against the slow reference: values, gradients, subsets, blocks, degenerate batches."""

from __future__ import annotations

import math

import pytest
import torch

from mrd_plugin.methods.contrast.align_loss import AlignLoss
from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.methods.mrd.mrd import MRDLoss
from mrd_plugin.methods.mrd.relations import NormalisedRelation
from mrd_plugin.utils.errors import ConfigError

from . import reference

TAUS = dict(tau_intra=0.3, tau_intra_teacher=0.2, tau_cross=0.4, tau_cross_teacher=0.25)
SUBSETS = {
    'all': {},
    'some': dict(without_image=(2, 9), without_text=(0, 1, 5)),
    'nothing_for_one': dict(without_image=(2, 3), without_text=(3, 7, 8)),
    'no_text': dict(without_text=range(11)),
    'one_text': dict(without_text=range(10)),
    'two_texts': dict(without_text=range(9)),
    'no_image': dict(without_image=range(11)),
}


def build(**options):
    options = {'within': dict(type='FixedWeights'), 'across': dict(type='FixedWeights'), **options}
    return MRDLoss(**{**TAUS, **options}).double()


def expected(inputs, scales, w_intra=1.0, w_cross=1.0, **options):
    terms = reference.terms(*inputs, *scales, **options)
    weights = dict(align=0.5, intra=w_intra, cross=w_cross)
    total = 0
    for slot, value in terms.items():
        kind, _, modality = slot.partition('_')
        total = total + value * weights[kind] * (0.5 if modality and kind != 'align' else 1)
    return total, terms


def gradients(loss, inputs, scales):
    return torch.autograd.grad(loss, [inputs[0], *scales], allow_unused=True)


def assert_same_gradients(found, wanted):
    for a, b in zip(found, wanted):
        torch.testing.assert_close(a, torch.zeros_like(a) if b is None else b)


@pytest.mark.parametrize('block_size', [4, None])
@pytest.mark.parametrize('subset', SUBSETS)
@pytest.mark.parametrize('mixed', [False, True])
@pytest.mark.parametrize('distance', ['jeffrey', 'kl', 'smooth_l1', 'mse'])
def test_equals_reference(distance, mixed, subset, block_size):
    inputs = reference.batch(**SUBSETS[subset])
    scales = reference.scales()
    options = dict(within=dict(type='TeacherMix', start=0.3)) if mixed else {}
    module = build(distance=distance, w_intra=0.7, w_cross=1.3, block_size=block_size, **options)
    log = module(Triplets(*inputs), *scales)
    alpha = (0.3, 0.3)
    total, terms = expected(inputs, scales, 0.7, 1.3, distance=distance, mixed=mixed, alpha=alpha)
    for slot, value in terms.items():
        torch.testing.assert_close(log[slot], value.detach(), msg=slot)
    torch.testing.assert_close(log['loss'], total)
    assert_same_gradients(gradients(log['loss'], inputs, scales), gradients(total, inputs, scales))


@pytest.mark.parametrize('block_size', [3, None])
@pytest.mark.parametrize('mixed', [False, True])
def test_transposed_cross_and_symmetric_scale(mixed, block_size):
    inputs = reference.batch(without_text=(4,))
    scales = reference.scales()
    options = dict(within=dict(type='TeacherMix')) if mixed else {}
    module = build(transposed_cross=True, symmetric_scale=0.5, block_size=block_size, **options)
    log = module(Triplets(*inputs), *scales)
    total, _ = expected(inputs, scales, mixed=mixed, transposed=True, symmetric_scale=0.5)
    torch.testing.assert_close(log['loss'], total)
    assert_same_gradients(gradients(log['loss'], inputs, scales), gradients(total, inputs, scales))


@pytest.mark.parametrize('name', ['TeacherMix', 'LossLevelSoftmax', 'UncertaintyWeights'])
@pytest.mark.parametrize('distance', ['jeffrey', 'kl', 'mse'])
def test_gradcheck_of_every_input(name, distance):
    """Points, logit scales and every learnable weight, in double precision."""
    inputs = reference.batch(n=7, dim=3, without_text=(2,), without_image=(6,))
    module = build(
        within=dict(type=name),
        across=dict(type='LossLevelSoftmax'),
        distance=distance,
        transposed_cross=True,
        block_size=3,
    )
    module(Triplets(*inputs), *reference.scales())  # gives every term a running mean
    module.eval()  # which stays from here on
    parameters = dict(module.named_parameters())
    assert parameters

    def loss(points, scale_image, scale_text, *values):
        arguments = (Triplets(points, *inputs[1:]), scale_image, scale_text)
        return torch.func.functional_call(module, dict(zip(parameters, values)), arguments)['loss']

    values = [value.detach().requires_grad_() for value in parameters.values()]
    arguments = [inputs[0], *reference.scales(), *values]
    assert torch.autograd.gradcheck(loss, arguments, fast_mode=distance != 'jeffrey')


def test_gate_learns_by_row():
    inputs = reference.batch(n=6, dim=3)
    module = build(within=dict(type='TeacherMix', gate_dim=3)).eval()
    weight = module.weights.within['intra'].gate.weight

    def loss(value):
        name = 'weights.within.intra.gate.weight'
        return torch.func.functional_call(
            module, {name: value}, (Triplets(*inputs), *reference.scales())
        )['loss']

    assert torch.autograd.gradcheck(loss, [(weight + 0.1).detach().requires_grad_()])


@pytest.mark.parametrize('mixed', [False, True])
@pytest.mark.parametrize('block_size', [1, 2, 5, 11, 64])
def test_block_size_changes_nothing(block_size, mixed):
    inputs = reference.batch(without_text=(1, 4), without_image=(8,))
    scales = reference.scales()
    options = dict(within=dict(type='TeacherMix')) if mixed else {}
    results = []
    for size in (3, block_size):
        log = build(block_size=size, mask_duplicates=True, **options)(Triplets(*inputs), *scales)
        results.append((log, gradients(log['loss'], inputs, scales)))
    for key, value in results[0][0].items():
        torch.testing.assert_close(results[1][0][key], value, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize('within', ['TeacherMix', 'LossLevelSoftmax', 'UncertaintyWeights'])
@pytest.mark.parametrize('distance', ['jeffrey', 'kl', 'smooth_l1'])
def test_whole_matrices_equal_row_blocks(distance, within):
    """The formulas as they are written, by autograd, against the engine's closed forms."""
    inputs = reference.batch(without_text=(1, 4), without_image=(8,))
    found = []
    for block_size in (None, 4):
        scales = reference.scales()
        module = build(
            within=dict(type=within),
            across=dict(type='UncertaintyWeights'),
            agreement=dict(tau=0.3),
            distance=distance,
            tau_cross='logit_scale',
            transposed_cross=True,
            mask_duplicates=True,
            block_size=block_size,
        )
        log = module(Triplets(*inputs), *scales)
        leaves = [inputs[0], *scales, *module.parameters()]
        found.append((log, torch.autograd.grad(log['loss'], leaves)))
    for key in found[0][0]:
        torch.testing.assert_close(found[0][0][key], found[1][0][key], msg=key)
    torch.testing.assert_close(found[0][1], found[1][1])


def test_the_mixed_teacher_of_both_cross_terms_is_made_once(monkeypatch):
    made = []
    real = NormalisedRelation.teacher

    def teacher(self, sims, alpha, diagonal):
        made.append(diagonal)
        return real(self, sims, alpha, diagonal)

    monkeypatch.setattr(NormalisedRelation, 'teacher', teacher)
    build(within=dict(type='TeacherMix'), transposed_cross=True)(
        Triplets(*reference.batch()), *reference.scales()
    )
    assert made == [0, None]  # intra leaves the own sample out; four cross terms share one target


def test_whole_matrices_can_be_differentiated_twice():
    inputs, scales = reference.batch(n=5, dim=3), reference.scales()

    def loss(points):
        batch = Triplets(points, *inputs[1:])
        return build(block_size=None)(batch, *scales)['loss']

    assert torch.autograd.gradgradcheck(loss, [inputs[0]], fast_mode=True)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_zero_weights_are_plain_alignment_bit_for_bit(dtype):
    inputs = reference.batch(without_text=(3,), dtype=dtype)
    scales = reference.scales(dtype)
    aligned = AlignLoss(block_size=4)(Triplets(*inputs), *scales)
    log = MRDLoss(w_intra=0, w_cross=0, block_size=4)(Triplets(*inputs), *scales)
    assert log.keys() == aligned.keys()
    assert torch.equal(log['loss'], aligned['loss'])
    for a, b in zip(
        gradients(log['loss'], inputs, scales), gradients(aligned['loss'], inputs, scales)
    ):
        assert torch.equal(a, b)
    assert not list(MRDLoss(w_intra=0, w_cross=0).parameters())


def test_one_kind_alone():
    inputs = reference.batch()
    scales = reference.scales()
    log = build(w_cross=0)(Triplets(*inputs), *scales)
    assert 'cross_image' not in log
    torch.testing.assert_close(log['loss'], expected(inputs, scales, 1.0, 0.0)[0])


def test_invariant_to_order_and_feature_scale():
    inputs = reference.batch(without_text=(0, 6), without_image=(2,))
    scales = reference.scales()
    module = MRDLoss(block_size=4).double()
    wanted = module(Triplets(*inputs), *scales)['loss']
    order = torch.randperm(11, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        module(Triplets(*(x[order] for x in inputs)), *scales)['loss'], wanted
    )
    scaled = [x * c for x, c in zip(inputs, (3.0, 0.2, 7.0))]
    torch.testing.assert_close(module(Triplets(*scaled, *inputs[3:]), *scales)['loss'], wanted)


def test_rows_without_a_modality_are_never_read():
    inputs = list(reference.batch(without_text=(0, 6), without_image=(2,)))
    scales = reference.scales()
    wanted = MRDLoss().double()(Triplets(*inputs), *scales)['loss']
    inputs[1] = inputs[1].masked_fill(~inputs[3][:, None], torch.nan)
    inputs[2] = inputs[2].masked_fill(~inputs[4][:, None], torch.nan)
    torch.testing.assert_close(MRDLoss().double()(Triplets(*inputs), *scales)['loss'], wanted)


@pytest.mark.parametrize('options', [{}, dict(within=dict(type='UncertaintyWeights'))])
@pytest.mark.parametrize('n', [1, 2])
def test_tiny_batches_are_finite(n, options):
    inputs = reference.batch(n=n)
    scales = reference.scales()
    module = MRDLoss(**options).double()
    log = module(Triplets(*inputs), *scales)
    log['loss'].backward()
    assert all(torch.isfinite(value) for value in log.values())
    assert torch.isfinite(inputs[0].grad).all()
    if n == 1:
        assert log['loss'] == 0 and not inputs[0].grad.any()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())


def test_no_text_gives_exact_zeros_with_the_graph_intact():
    inputs = reference.batch(without_text=range(11))
    scale_image, scale_text = (s.detach().requires_grad_() for s in reference.scales())
    module = build()
    log = module(Triplets(*inputs), scale_image, scale_text)
    log['loss'].backward()
    for slot in ('align_text', 'intra_text', 'cross_image', 'cross_text'):
        assert log[slot] == 0
    assert scale_text.grad == 0 and scale_image.grad != 0


def test_nothing_at_all_is_zero():
    inputs = reference.batch(n=4, without_text=range(4), without_image=range(4))
    log = MRDLoss().double()(Triplets(*inputs), *reference.scales())
    log['loss'].backward()
    assert log['loss'] == 0 and not inputs[0].grad.any()


def test_duplicate_texts_are_no_negatives():
    points, image, text, *masks = reference.batch(without_text=(5,))
    text[3] = text[8]
    text[4] = text[8]
    inputs = (points, image, text, *masks)
    scales = reference.scales()
    log = AlignLoss(mask_duplicates=True, block_size=4)(Triplets(*inputs), *scales)
    terms = reference.terms(*inputs, *scales, mask_duplicates=True)
    torch.testing.assert_close(log['align_text'], terms['align_text'].detach())
    total = 0.5 * (terms['align_image'] + terms['align_text'])
    assert_same_gradients(gradients(log['loss'], inputs, scales), gradients(total, inputs, scales))
    unmasked = AlignLoss()(Triplets(*inputs), *scales)
    assert unmasked['align_text'] > log['align_text']
    assert (
        unmasked['align_image']
        == AlignLoss(mask_duplicates=True)(Triplets(*inputs), *scales)['align_image']
    )


def test_agreement_weights_enter_the_rows():
    inputs = reference.batch(without_text=(1,), without_image=(6,))
    scales = reference.scales()
    module = build(agreement=dict(tau=0.5, sharpness=2.0), block_size=4)
    log = module(Triplets(*inputs), *scales)
    both = inputs[3] & inputs[4]
    row_weights = torch.ones(11, dtype=torch.float64)
    image, text = (torch.nn.functional.normalize(x[both], dim=1) for x in inputs[1:3])
    row_weights[both] = module.agreement(image, text, 100)
    assert row_weights.std() > 0.1
    torch.testing.assert_close(row_weights.mean(), torch.tensor(1.0, dtype=torch.float64))
    total, _ = expected(inputs, scales, row_weights=row_weights)
    torch.testing.assert_close(log['loss'], total)


def test_cross_temperature_follows_the_logit_scale():
    inputs = reference.batch()
    scales = reference.scales()
    log = build(tau_cross='logit_scale', tau_cross_teacher=None)(Triplets(*inputs), *scales)
    for slot, tau in (('cross_image', 1 / 7), ('cross_text', 1 / 4)):
        wanted = build(tau_cross=tau, tau_cross_teacher=None)(Triplets(*inputs), *scales)[slot]
        torch.testing.assert_close(log[slot], wanted)


def test_entropies_and_match_rate():
    points, image, text, *masks = reference.batch(n=9, dim=12)
    log = build(tau_intra_teacher=1e4, tau_cross_teacher=1e-4)(
        Triplets(image, image, text, *masks), *reference.scales()
    )
    torch.testing.assert_close(log['intra_image_entropy_teacher'].item(), 1.0)
    assert log['cross_text_entropy_teacher'] < 1e-6
    assert log['match_image'] == 1


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_inside_autocast_is_finite_and_computed_in_fp32(dtype):
    inputs = list(reference.batch(n=40, dim=16, dtype=torch.float32))
    scale = torch.tensor(100.0, requires_grad=True)
    student = inputs[0].detach().to(dtype).requires_grad_()
    module = MRDLoss(tau_intra=0.02, tau_cross=0.02)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        log = module(Triplets(student, *inputs[1:]), scale, scale)
    log['loss'].backward()
    assert log['loss'].dtype == torch.float32
    assert torch.isfinite(log['loss']) and torch.isfinite(student.grad).all()
    full = module(Triplets(student.detach().float(), *inputs[1:]), scale, scale)
    assert torch.equal(full['loss'], log['loss'])


def test_no_gradient_to_the_teacher_and_clear_errors():
    inputs = list(reference.batch())
    scales = reference.scales()
    inputs[2] = inputs[2].requires_grad_()
    with pytest.raises(ValueError, match='text features ask for a gradient'):
        MRDLoss()(Triplets(*inputs), *scales)
    inputs[2] = inputs[2].detach()[:, :4]
    with pytest.raises(ValueError, match=r'text features have shape \(11, 4\)'):
        MRDLoss()(Triplets(*inputs), *scales)
    for options, words in (
        (dict(distance='cosine'), 'distance='),
        (dict(tau_intra=0), 'tau_intra=0'),
        (dict(tau_intra='logit_scale'), 'tau_intra='),
        (dict(w_cross=-1), 'w_cross=-1'),
        (dict(within=dict(type='Magic')), 'TeacherMix'),
        (dict(across=dict(type='TeacherMix')), 'across='),
    ):
        with pytest.raises(ConfigError, match=words):
            MRDLoss(**options)


def test_without_gradient_only_values_are_computed():
    inputs = reference.batch()
    with torch.no_grad():
        log = MRDLoss().double()(Triplets(*inputs), *reference.scales())
    assert not log['loss'].requires_grad
    torch.testing.assert_close(
        log['loss'], MRDLoss().double()(Triplets(*inputs), *reference.scales())['loss'].detach()
    )


def test_perfect_student_has_zero_relations():
    """Points equal to image and text: every relation agrees, so only alignment is left."""
    _, image, _, *masks = reference.batch(dtype=torch.float32)
    log = MRDLoss()(Triplets(image, image, image, *masks), *reference.scales(torch.float32))
    assert log['intra'] < 1e-6 and log['cross'] < 1e-6
    fixed = MRDLoss(within=dict(type='FixedWeights'))
    log = fixed(Triplets(image, image, image, *masks), *reference.scales(torch.float32))
    assert log['intra_image'] == 0 and log['cross_text'] == 0
    aligned = 0.5 * (log['align_image'] + log['align_text'])
    assert math.isclose(log['loss'].item(), aligned.item(), rel_tol=1e-6)
