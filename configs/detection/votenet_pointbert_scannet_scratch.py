# VoteNet of MMDetection3D on ScanNet with the point patch transformer of
# configs/kd2d/pointbert_sunrgbd.py in place of PointNet++.
_base_ = [
    'mmdet3d::votenet/votenet_8xb8_scannet-3d.py',
    '../_base_/models/detector_start.py',
    '../_base_/models/pointbert_seeds.py',
    '../_base_/datasets/scannet_coloured.py',
]
default_hooks = dict(pretrained=dict(**_base_.start, module='backbone.backbone'))
model = dict(backbone=dict(_delete_=True, **_base_.seed_backbone))
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=_base_.coloured_train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=_base_.coloured_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.coloured_test_pipeline))
work_dir = 'work_dirs/detection_votenet_pointbert_scannet_scratch'
