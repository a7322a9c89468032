# SECOND of MMDetection3D on KITTI, three classes, as it is: the row to compare with.
_base_ = [
    'mmdet3d::second/second_hv_secfpn_8xb6-80e_kitti-3d-3class.py',
    '../_base_/models/detector_start.py',
]
default_hooks = dict(pretrained=dict(**_base_.start, module='middle_encoder'))
work_dir = 'work_dirs/detection_second_kitti_scratch'
