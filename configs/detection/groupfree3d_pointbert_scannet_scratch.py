# GroupFree3D of MMDetection3D on ScanNet with the point patch transformer of
# configs/kd2d/pointbert_sunrgbd.py in place of PointNet++.
_base_ = [
    'mmdet3d::groupfree3d/groupfree3d_head-L6-O256_4xb8_scannet-seg.py',
    '../_base_/models/detector_start.py',
    '../_base_/models/pointbert_seeds.py',
    '../_base_/datasets/scannet_coloured.py',
]
default_hooks = dict(pretrained=dict(**_base_.start, module='backbone.backbone'))
# its decoder is 288 wide
model = dict(backbone=dict(_delete_=True, **{**_base_.seed_backbone, 'out_channels': 288}))
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=_base_.coloured_train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=_base_.coloured_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.coloured_test_pipeline))
work_dir = 'work_dirs/detection_groupfree3d_pointbert_scannet_scratch'
