# The voxel encoder of SECOND on KITTI, in the range, the voxels and the channels of mmdet3d's
# SECOND, which takes the weights as middle_encoder.*.
voxel_encoder = dict(type='SparseEncoderStudent', in_channels=4)
voxels = dict(
    voxel_size=(0.05, 0.05, 0.1),
    point_range=(0, -40, -3, 70.4, 40, 1),
    voxel_features=('xyz', 'intensity'),
)
