# SECOND of MMDetection3D on KITTI, three classes, as it is: the row that pre-trained encoders are compared with.
_base_ = 'mmdet3d::second/second_hv_secfpn_8xb6-80e_kitti-3d-3class.py'
custom_imports = dict(
    imports=['mrd_plugin', 'mrd_plugin.compat.mmcv_cpu'], allow_failed_imports=False
)
default_hooks = dict(
    pretrained=dict(
        type='PretrainedCoverageHook',
        checkpoint=None,
        module='middle_encoder',
        prefix='backbone.',
        min_coverage=0.9,
    )
)
work_dir = 'work_dirs/detection_second_kitti_scratch'
