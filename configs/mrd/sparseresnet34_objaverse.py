# MRD with OpenShape's sparse-convolutional student (needs spconv: docs/backbones.md).
_base_ = './pointbert_objaverse.py'

model = dict(
    backbone=dict(_delete_=True, type='SparseResNet34', in_channels=6, voxel_size=0.02),
    head=dict(in_channels=1024),
)
sync_bn = 'torch'
work_dir = 'work_dirs/mrd_sparseresnet34_objaverse'
