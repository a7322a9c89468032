# CenterPoint on nuScenes from a voxel encoder that CMCR pre-trained
# (configs/cmcr/centerpoint_nuscenes.py).
_base_ = './centerpoint_nuscenes_scratch.py'
default_hooks = dict(pretrained=dict(checkpoint='work_dirs/cmcr_centerpoint_nuscenes/epoch_10.pth'))
work_dir = 'work_dirs/detection_centerpoint_nuscenes_cmcr'
