# SLidR for detectors: the voxel encoder of SECOND. Its range is in front: no turning.
_base_ = ['./minkunet34_kitti.py', '../_base_/models/second_encoder.py']

model = dict(backbone=dict(_delete_=True, **_base_.voxel_encoder), data_preprocessor=_base_.voxels)
train_dataloader = dict(
    dataset=dict(pipeline=_base_.load + _base_.superpixels + _base_.crop_images + _base_.pack)
)
work_dir = 'work_dirs/slidr_second_kitti'
