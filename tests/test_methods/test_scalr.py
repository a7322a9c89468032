"""ScaLR: the teacher's own features are distilled."""

import torch
import torch.nn.functional as F

from tests.helpers import plain_pairs
from tests.helpers.lidar_toys import build, make_batch


def test_scalr_distils_the_teachers_own_features():
    model, batch = build('ScaLR'), make_batch()
    voxels = model.point_head(model.backbone(batch.voxel_features, None, 2))
    maps = model.teacher(batch.images)
    pixels = F.interpolate(maps, batch.images.shape[2:], mode='bilinear', align_corners=True)
    view, row, column = batch.pair_pixels.T
    points = voxels[batch.point2voxel[batch.pair_points]]
    expected = plain_pairs.unit_distance(points, pixels[view, :, row, column])
    terms = model.loss(batch)
    torch.testing.assert_close(terms['loss_distance'], expected)
    cosine = F.cosine_similarity(points, pixels[view, :, row, column]).mean()
    torch.testing.assert_close(terms['cosine'], cosine.detach())
