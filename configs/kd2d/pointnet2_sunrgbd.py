# Concept distillation into the PointNet++ of MMDetection3D's VoteNet, which takes the weights as
# backbone.*: as pointbert_sunrgbd.py, but the points have their height instead of colours, as
# VoteNet is given them.
_base_ = './pointbert_sunrgbd.py'
custom_imports = dict(
    imports=['mrd_plugin', 'mrd_plugin.compat.mmcv_cpu'], allow_failed_imports=False
)
pack = dict(type='PackShapeInputs', channels=('xyz', 'height'))
changed = dict(PackShapeInputs=pack)
train_pipeline = [
    changed.get(step['type'], step)
    for step in _base_.train_pipeline
    if step['type'] not in ('ColourJitter', 'ColorDrop')
]
test_pipeline = [*_base_.test_pipeline[:-1], pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
model = dict(backbone=dict(_delete_=True, type='PointNet2Student', in_channels=4))
work_dir = 'work_dirs/kd2d_pointnet2_sunrgbd'
