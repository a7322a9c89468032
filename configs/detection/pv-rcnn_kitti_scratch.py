# PV-RCNN of MMDetection3D on KITTI, three classes. Its voxel encoder is SECOND's.
_base_ = [
    'mmdet3d::pv_rcnn/pv_rcnn_8xb2-80e_kitti-3d-3class.py',
    '../_base_/models/detector_start.py',
]
default_hooks = dict(pretrained=dict(**_base_.start, module='middle_encoder'))
work_dir = 'work_dirs/detection_pv-rcnn_kitti_scratch'
