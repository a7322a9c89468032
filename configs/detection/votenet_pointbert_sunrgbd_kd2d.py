# VoteNet on SUN RGB-D from a transformer that photographs of the rooms pre-trained
# (configs/kd2d/pointbert_sunrgbd.py).
_base_ = './votenet_pointbert_sunrgbd_scratch.py'
default_hooks = dict(pretrained=dict(checkpoint='work_dirs/pointbert_sunrgbd/epoch_120.pth'))
work_dir = 'work_dirs/detection_votenet_pointbert_sunrgbd_kd2d'
