# PV-RCNN of MMDetection3D on KITTI, three classes. Its voxel encoder is SECOND's.
_base_ = 'mmdet3d::pv_rcnn/pv_rcnn_8xb2-80e_kitti-3d-3class.py'
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
work_dir = 'work_dirs/detection_pv-rcnn_kitti_scratch'
