# VoteNet on SUN RGB-D from a PointNet++ that photographs of the rooms pre-trained
# (configs/kd2d/pointnet2_sunrgbd.py).
_base_ = './votenet_pointnet2_sunrgbd_scratch.py'
default_hooks = dict(pretrained=dict(checkpoint='work_dirs/kd2d_pointnet2_sunrgbd/epoch_120.pth'))
work_dir = 'work_dirs/detection_votenet_pointnet2_sunrgbd_kd2d'
