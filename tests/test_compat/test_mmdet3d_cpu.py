"""What mmdet3d itself sends to CUDA: KITTI's overlaps and the voxels of MinkUNet, on a CPU."""

import importlib

import numpy as np
import pytest
import torch

pytest.importorskip('mmdet3d', reason='the second layer is not installed')

from mmengine.hub import get_config  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402
from shapely import affinity  # noqa: E402
from shapely.geometry import box as shapely_box  # noqa: E402

import mrd_plugin.compat.mmcv_cpu  # noqa: E402, F401


def plan(box):
    """A box x, y, sides, angle as a polygon; positive angles turn it clockwise, as KITTI's."""
    x, y, length, width, angle = box.tolist()
    upright = shapely_box(x - length / 2, y - width / 2, x + length / 2, y + width / 2)
    return affinity.rotate(upright, -angle, use_radians=True)


@pytest.mark.parametrize('criterion', [-1, 0, 1, 2])
def test_overlaps_of_kitti_boxes(criterion):
    from mmdet3d.evaluation.functional.kitti_utils import eval as kitti_eval

    random = np.random.default_rng(0)
    boxes = np.concatenate(
        [
            random.uniform(-2, 2, (9, 2)),
            random.uniform(0.5, 4, (9, 2)),
            random.uniform(-3, 3, (9, 1)),
        ],
        axis=1,
    )
    found = kitti_eval.bev_box_overlap(boxes[:5], boxes[5:], criterion)
    assert found.shape == (5, 4) and found.dtype == np.float32
    for i, one in enumerate(map(plan, boxes[:5])):
        for j, query in enumerate(map(plan, boxes[5:])):
            shared = one.intersection(query).area
            over = {-1: one.union(query).area, 0: query.area, 1: one.area, 2: 1}[criterion]
            assert found[i, j] == pytest.approx(shared / over, abs=2e-3)
    assert kitti_eval.bev_box_overlap(boxes[:0], boxes[5:]).shape == (0, 4)


def test_the_metrics_kernel_is_replaced_where_it_is_imported_from():
    module = importlib.import_module('mmdet3d.evaluation.functional.kitti_utils.rotate_iou')
    assert module.rotate_iou_gpu_eval.__module__ == 'mrd_plugin.compat.mmcv_cpu.kitti_overlap'


def minkunet():
    """Stock MinkUNet of mmdet3d with spconv, narrow; its preprocessor is as it is."""
    from mmdet3d.registry import MODELS

    cfg = get_config(
        'mmdet3d::minkunet/minkunet34_w32_spconv_8xb2-laser-polar-mix-3x_semantickitti.py'
    )
    cfg.model.backbone.update(
        base_channels=8,
        encoder_channels=[8, 8, 16, 16],
        encoder_blocks=[1, 1, 1, 1],
        decoder_channels=[16, 16, 8, 8],
        decoder_blocks=[1, 1, 1, 1],
    )
    cfg.model.decode_head.channels = 8
    return MODELS.build(cfg.model)


def batch(labelled=True):
    from mmdet3d.structures import Det3DDataSample, PointData

    random = torch.Generator().manual_seed(0)
    clouds = [torch.rand(count, 4, generator=random) for count in (300, 200)]
    samples = [Det3DDataSample() for _ in clouds]
    for cloud, sample in zip(clouds, samples):
        labels = torch.randint(0, 19, (len(cloud),), generator=random)
        sample.gt_pts_seg = PointData(**({'pts_semantic_mask': labels} if labelled else {}))
        sample.set_metainfo(dict(num_pts_feats=4))
    return dict(inputs=dict(points=clouds), data_samples=samples)


def test_voxels_of_minkunet_by_their_definition():
    with DefaultScope.overwrite_default_scope('mmdet3d'):
        preprocessor = minkunet().data_preprocessor
    given = batch()
    out = preprocessor(given, training=True)
    voxels, coors = (out['inputs']['voxels'][key] for key in ('voxels', 'coors'))
    begin = 0
    for index, (cloud, sample) in enumerate(zip(given['inputs']['points'], out['data_samples'])):
        cells = torch.round(cloud[:, :3] / 0.05).int()
        cells -= cells.amin(0)
        groups = {}
        for row, cell in enumerate(map(tuple, cells.tolist())):
            groups.setdefault(cell, []).append(row)
        ordered = sorted(groups)
        own = slice(begin, begin + len(ordered))
        begin += len(ordered)
        first = [groups[cell][0] for cell in ordered]
        assert coors[own].tolist() == [[index, *cell] for cell in ordered]
        assert torch.equal(voxels[own], cloud[first])
        assert sample.batch_idx.tolist() == [index] * len(ordered)
        assert torch.equal(coors[own, 1:][sample.point2voxel_map], cells)
        labels = sample.gt_pts_seg
        assert torch.equal(labels.voxel_semantic_mask, labels.pts_semantic_mask[first])
    assert begin == len(voxels) < 500


def test_training_keeps_at_most_max_voxels_and_testing_all():
    with DefaultScope.overwrite_default_scope('mmdet3d'):
        preprocessor = minkunet().data_preprocessor
    preprocessor.max_voxels = 50
    preprocessor.train()
    assert len(preprocessor(batch(), True)['inputs']['voxels']['voxels']) == 100
    preprocessor.eval()
    assert len(preprocessor(batch(False), False)['inputs']['voxels']['voxels']) > 100


def test_stock_minkunet_trains_and_predicts():
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet3d'):
        model = minkunet()
        losses = model(**model.data_preprocessor(batch(), True), mode='loss')
        total = sum(value for key, value in losses.items() if 'loss' in key)
        total.backward()
        model.eval()
        with torch.no_grad():
            found = model(**model.data_preprocessor(batch(False), False), mode='predict')
    grads = [p.grad for p in model.backbone.parameters()]
    assert all(grad is not None and grad.isfinite().all() for grad in grads)
    assert [len(sample.pred_pts_seg.pts_semantic_mask) for sample in found] == [300, 200]
