# VoteNet of MMDetection3D on SUN RGB-D with its PointNet++, as it is: x, y, z and height.
_base_ = 'mmdet3d::votenet/votenet_8xb16_sunrgbd-3d.py'
custom_imports = dict(
    imports=['mrd_plugin', 'mrd_plugin.compat.mmcv_cpu'], allow_failed_imports=False
)
default_hooks = dict(
    pretrained=dict(
        type='PretrainedCoverageHook',
        checkpoint=None,
        module='backbone',
        prefix='backbone.',
        min_coverage=0.9,
    )
)
work_dir = 'work_dirs/detection_votenet_pointnet2_sunrgbd_scratch'
