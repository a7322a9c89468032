# CenterPoint of MMDetection3D on nuScenes, voxels of 0.1 m, as it is.
_base_ = [
    'mmdet3d::centerpoint/centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py',
    '../_base_/models/detector_start.py',
]
default_hooks = dict(pretrained=dict(**_base_.start, module='pts_middle_encoder'))
work_dir = 'work_dirs/detection_centerpoint_nuscenes_scratch'
