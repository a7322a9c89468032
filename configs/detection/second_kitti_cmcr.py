# SECOND on KITTI from a voxel encoder that CMCR pre-trained (configs/cmcr/second_kitti.py).
_base_ = './second_kitti_scratch.py'
default_hooks = dict(pretrained=dict(checkpoint='work_dirs/cmcr_second_kitti/epoch_10.pth'))
work_dir = 'work_dirs/detection_second_kitti_cmcr'
