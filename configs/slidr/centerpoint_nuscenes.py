# SLidR for detectors: the voxel encoder of CenterPoint, whose intensities are in 0..255.
_base_ = ['./minkunet34_nuscenes.py', '../_base_/models/centerpoint_encoder.py']

model = dict(backbone=dict(_delete_=True, **_base_.voxel_encoder), data_preprocessor=_base_.voxels)
train_dataloader = dict(dataset=dict(intensity_scale=1.0))
val_dataloader = dict(dataset=dict(intensity_scale=1.0))
work_dir = 'work_dirs/slidr_centerpoint_nuscenes'
