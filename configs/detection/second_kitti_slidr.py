# SECOND on KITTI from a voxel encoder that SLidR pre-trained (configs/slidr/second_kitti.py).
_base_ = './second_kitti_scratch.py'
default_hooks = dict(pretrained=dict(checkpoint='work_dirs/slidr_second_kitti/epoch_50.pth'))
work_dir = 'work_dirs/detection_second_kitti_slidr'
