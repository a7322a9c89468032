# VoteNet of MMDetection3D on ScanNet with the point patch transformer of configs/kd2d/pointbert_sunrgbd.py in place of
# PointNet++.
_base_ = [
    'mmdet3d::votenet/votenet_8xb8_scannet-3d.py',
    '../_base_/models/pointbert_seeds.py',
    '../_base_/datasets/scannet_coloured.py',
]
custom_imports = dict(
    imports=['mrd_plugin', 'mrd_plugin.compat.mmcv_cpu'], allow_failed_imports=False
)
default_hooks = dict(
    pretrained=dict(
        type='PretrainedCoverageHook',
        checkpoint=None,
        module='backbone.backbone',
        prefix='backbone.',
        min_coverage=0.9,
    )
)
model = dict(backbone=dict(_delete_=True, **_base_.seed_backbone))
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=_base_.coloured_train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=_base_.coloured_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.coloured_test_pipeline))
work_dir = 'work_dirs/detection_votenet_pointbert_scannet_scratch'
