"""MRD beside plain alignment."""

import torch

import mrd_plugin  # noqa: F401
from tests.test_methods.test_shape_methods import RELATIONS, build, gradients, make_batch


def test_mrd_without_relations_is_the_aligner_bit_for_bit():
    points, samples = make_batch()
    aligner, mrd = build('ShapeAligner'), build('MRD', loss=dict(RELATIONS, w_intra=0, w_cross=0))
    losses = [model.loss(points, samples)['loss'] for model in (aligner, mrd)]
    assert torch.equal(*losses)
    for loss in losses:
        loss.backward()
    ours, base = gradients(mrd), gradients(aligner)
    assert ours.keys() == base.keys()
    assert all(torch.equal(ours[name], base[name]) for name in base)


def test_relations_add_terms_and_gradient():
    points, samples = make_batch()
    aligner, mrd = build('ShapeAligner'), build('MRD', loss=RELATIONS)
    base, ours = (model.loss(points, samples) for model in (aligner, mrd))
    assert ours['loss'] > base['loss']
    assert {'intra', 'cross', 'weight_intra', 'weight_cross'} <= set(ours)
    # D1 brings the terms to a common scale, set by the first step; the second moves the weights.
    mrd.loss(points.flip(0), samples)['loss'].backward()
    assert gradients(mrd)['criterion.weights.across.scores'].abs().sum() > 0
