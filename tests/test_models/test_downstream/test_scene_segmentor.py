import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from mmengine.structures import BaseDataElement

import mrd_plugin  # noqa: F401
from mrd_plugin.datasets.transforms import CenterScaleUnitBall
from mrd_plugin.models.downstream.scene_segmentor import SceneSegmentor, unit_ball
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.lidar import real_data
from tests.test_methods.test_shape_methods import BACKBONE


def build(width=32, **kwargs):
    torch.manual_seed(0)
    head = dict(
        type='mmdet3d.DGCNNHead',
        fp_channels=(width, 16),
        channels=8,
        num_classes=4,
        ignore_index=4,
        loss_decode=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=False),
    )
    test_cfg = ConfigDict(
        mode='slide',
        num_points=64,
        block_size=1.5,
        sample_rate=0.5,
        use_normalized_coord=False,
        batch_size=4,
    )
    cfg = dict(type='SceneSegmentor', backbone=BACKBONE, decode_head=head, test_cfg=test_cfg)
    return MODELS.build({**cfg, **kwargs})


def room(count=600):
    """Points of the real ScanNet room, in its densest three metres, colours in [0, 1]."""
    points = np.fromfile(real_data('keyframes', 'scannet') / 'scene0000_00.bin', np.float32)
    points = points.reshape(-1, 6)
    points = points[(np.abs(points[:, :2] - np.median(points[:, :2], axis=0)) < 1.5).all(axis=1)]
    points[:, 3:] /= 255
    return torch.from_numpy(points[np.random.default_rng(0).choice(len(points), count, False)])


def test_the_unit_ball_is_that_of_the_pretraining():
    points = room()[None, :, :3].repeat(2, 1, 1) * torch.tensor([1.0, 3.0]).view(2, 1, 1)
    for cloud, found in zip(points, unit_ball(points)):
        expected = CenterScaleUnitBall()(dict(xyz=cloud.numpy()))['xyz']
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (unit_ball(torch.ones(1, 5, 3)) == 0).all()


def test_features_depend_neither_on_place_nor_on_size():
    model = build().eval()
    points = room(64)[None]
    moved = points.clone()
    moved[..., :3] = 2 * moved[..., :3] + torch.tensor([5.0, -3.0, 1.0])
    one, other = (model.extract_feat(p)['fa_points'] for p in (points, moved))
    assert one.shape == (1, 64, 32)
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_every_point_of_a_room_is_predicted():
    model = build().eval()
    points = room()
    np.random.seed(0)
    torch.manual_seed(0)
    with torch.no_grad():
        (logits,) = model.inference(points[None], [{}], rescale=False)
    assert logits.shape == (4, 600) and logits.isfinite().all()
    assert logits.argmax(0).unique().numel() >= 1


def test_a_frozen_backbone_stays_as_it_is():
    model = build(freeze_backbone=True).train()
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    points = room(128).view(2, 64, 6)
    labels = torch.arange(64) % 5  # 4 is ignored
    samples = [BaseDataElement(gt_pts_seg=BaseDataElement(pts_semantic_mask=labels))] * 2
    losses = model.loss(dict(points=list(points)), samples)
    losses['decode.loss_sem_seg'].backward()
    assert not model.backbone.training and model.decode_head.training
    assert all(p.grad is None for p in model.backbone.parameters())
    assert model.decode_head.conv_seg.weight.grad.abs().sum() > 0
    after = model.backbone.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert isinstance(model, SceneSegmentor)


def test_what_is_wrong_is_said():
    with pytest.raises(ConfigError, match=r'fp_channels=\(9, 16\).*gives 32 features per point'):
        build(width=9)
    points = room(64)[None] * torch.tensor([1.0, 1, 1, 255, 255, 255])
    with pytest.raises(ConfigError, match='colours go up to 2.*NormalizePointsColor'):
        build().extract_feat(points)
