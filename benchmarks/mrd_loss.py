"""The loss of MRD in row blocks against the same loss on whole matrices, forward and backward."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.harness import Benchmark, Comparison
from mrd_plugin.methods.contrast.info_nce import info_nce
from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.methods.mrd import formulas
from mrd_plugin.methods.mrd.mrd import MRDLoss


def plain_loss(
    points: Tensor, image: Tensor, text: Tensor, scale: Tensor, module: MRDLoss
) -> Tensor:
    """Compute what ``module`` with its default weighting does, each similarity matrix made once.

    Args:
        points: ``(n, D)``, with gradient.
        image: ``(n, D)``.
        text: ``(n, D)``.
        scale: ``(2,)`` logit scales of image and text.
        module: TeacherMix within, LossLevelSoftmax (no common scale) across, all samples with both
            modalities, one temperature.

    Returns:
        The loss.
    """
    p, i, t = (F.normalize(rows, dim=1) for rows in (points, image, text))
    tau = module.tau_intra[0]
    assert module.weights.across is not None
    factors = module.weights.across()[0]
    intra_alpha, cross_alpha = (
        torch.sigmoid(module.weights.mixes[kind].logit) for kind in ('intra', 'cross')
    )
    with_image, with_text, between = p @ i.T, p @ t.T, i @ t.T
    align = 0.5 * (info_nce(with_image, scale[0]) + info_nce(with_text, scale[1]))
    teacher = formulas.mix(formulas.psi(i @ i.T, tau), formulas.psi(t @ t.T, tau), intra_alpha)
    intra = formulas.jeffrey(teacher, formulas.psi(p @ p.T, tau)).mean()
    teacher = formulas.mix(formulas.phi(between, tau), formulas.phi(between.T, tau), cross_alpha)
    students = (formulas.phi(with_text, tau), formulas.phi(with_image, tau))
    cross = 0.5 * sum(formulas.jeffrey(teacher, student).mean() for student in students)
    return align + factors[0] * intra + factors[1] * cross


def build(batch: int, dim: int, device: str) -> Comparison:
    """Make both sides on random features whose three modalities resemble each other."""
    generator = torch.Generator().manual_seed(0)
    common, *noise = torch.randn(4, batch, dim, generator=generator).to(device)
    points, image, text = (common + part for part in noise)
    points.requires_grad_()
    scale = torch.tensor([14.0, 20.0], device=device, requires_grad=True)
    everywhere = torch.ones(batch, dtype=torch.bool, device=device)
    module = MRDLoss(across=dict(type='LossLevelSoftmax', common_scale=False)).to(device)
    inputs = [points, scale, *module.parameters()]

    def ours() -> tuple[Tensor, ...]:
        loss = module(Triplets(points, image, text, everywhere, everywhere), *scale)['loss']
        return (loss.detach(), *torch.autograd.grad(loss, inputs))

    def reference() -> tuple[Tensor, ...]:
        loss = plain_loss(points, image, text, scale, module)
        return (loss.detach(), *torch.autograd.grad(loss, inputs))

    return Comparison(ours, reference, dict(batch=batch, dim=dim))


BENCHMARK = Benchmark(
    'relation and alignment loss of a batch, forward and backward, against whole matrices',
    build,
    dict(batch=8192, dim=1280),
    dict(batch=128, dim=32),
    3,
)
