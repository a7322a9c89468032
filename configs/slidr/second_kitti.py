# SLidR for detectors: the voxel encoder of SECOND on KITTI, in the range, the voxels and the channels of mmdet3d's
# SECOND, which takes the weights as middle_encoder.*. That range is in front alone, so sweeps are not turned.
_base_ = './minkunet34_kitti.py'

model = dict(
    backbone=dict(_delete_=True, type='SparseEncoderStudent', in_channels=4),
    data_preprocessor=dict(
        voxel_size=(0.05, 0.05, 0.1),
        point_range=(0, -40, -3, 70.4, 40, 1),
        voxel_features=('xyz', 'intensity'),
    ),
)
train_dataloader = dict(
    dataset=dict(pipeline=_base_.load + _base_.superpixels + _base_.crop_images + _base_.pack)
)
work_dir = 'work_dirs/slidr_second_kitti'
