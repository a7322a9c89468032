# VoteNet of MMDetection3D on SUN RGB-D with its PointNet++, as it is: x, y, z and height.
_base_ = ['mmdet3d::votenet/votenet_8xb16_sunrgbd-3d.py', '../_base_/models/detector_start.py']
default_hooks = dict(pretrained=dict(**_base_.start, module='backbone'))
work_dir = 'work_dirs/detection_votenet_pointnet2_sunrgbd_scratch'
