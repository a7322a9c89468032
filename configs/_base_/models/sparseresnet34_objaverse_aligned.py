# OpenShape's sparse-convolutional student with a head of the teacher's width; needs spconv
# (docs/models/backbones.md).
model = dict(
    backbone=dict(type='SparseResNet34', in_channels=6, voxel_size=0.02),
    head=dict(type='ProjectionHead', in_channels=1024, out_channels=1280),
    teacher=dict(type='SampleFeatureTeacher', dim=1280),
    separate_logit_scales=True,
)
sync_bn = 'torch'
