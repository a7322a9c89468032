# CenterPoint on nuScenes from a voxel encoder that SLidR pre-trained
# (configs/slidr/centerpoint_nuscenes.py).
_base_ = './centerpoint_nuscenes_scratch.py'
default_hooks = dict(
    pretrained=dict(checkpoint='work_dirs/slidr_centerpoint_nuscenes/epoch_50.pth')
)
work_dir = 'work_dirs/detection_centerpoint_nuscenes_slidr'
