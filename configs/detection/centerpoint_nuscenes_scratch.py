# CenterPoint of MMDetection3D on nuScenes, voxels of 0.1 m, as it is.
_base_ = 'mmdet3d::centerpoint/centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py'
custom_imports = dict(
    imports=['mrd_plugin', 'mrd_plugin.compat.mmcv_cpu'], allow_failed_imports=False
)
default_hooks = dict(
    pretrained=dict(
        type='PretrainedCoverageHook',
        checkpoint=None,
        module='pts_middle_encoder',
        prefix='backbone.',
        min_coverage=0.9,
    )
)
work_dir = 'work_dirs/detection_centerpoint_nuscenes_scratch'
