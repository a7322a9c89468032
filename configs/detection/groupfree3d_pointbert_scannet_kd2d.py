# GroupFree3D on ScanNet from a transformer that photographs of other rooms pre-trained
# (configs/kd2d/pointbert_sunrgbd.py).
_base_ = './groupfree3d_pointbert_scannet_scratch.py'
default_hooks = dict(pretrained=dict(checkpoint='work_dirs/pointbert_sunrgbd/epoch_120.pth'))
work_dir = 'work_dirs/detection_groupfree3d_pointbert_scannet_kd2d'
