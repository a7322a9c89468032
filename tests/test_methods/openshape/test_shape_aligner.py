"""ShapeAligner is the loss of OpenShape."""

import torch
import torch.nn.functional as F

import mrd_plugin  # noqa: F401
from tests.test_methods.test_shape_methods import build, make_batch


def test_aligner_is_the_openshape_loss():
    model = build('ShapeAligner').eval()
    points, samples = make_batch()
    loss = model.loss(points, samples)['loss']
    student = F.normalize(model(points), dim=-1)
    scale = 1 / 0.07
    total = 0.0
    for key, rows in (('image_feat', [0, 1, 2, 3, 5, 6]), ('text_feat', [0, 3, 4, 5, 6])):
        target = F.normalize(torch.stack([getattr(samples[i], key) for i in rows]), dim=-1)
        logits = scale * student[rows] @ target.T
        truth = torch.arange(len(rows))
        both = F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)
        total = total + both / 2 / 2  # two directions, two modalities
    torch.testing.assert_close(loss, total, atol=1e-5, rtol=1e-5)
