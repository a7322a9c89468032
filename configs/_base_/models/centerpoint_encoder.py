# The voxel encoder of CenterPoint on nuScenes, in the range, the voxels and the channels of
# mmdet3d's CenterPoint (0.1 m), which takes the weights as pts_middle_encoder.*. It joins sweeps
# and knows them by their time; here every sweep is a keyframe.
voxel_encoder = dict(
    type='SparseEncoderStudent',
    in_channels=5,
    sparse_shape=(41, 1024, 1024),
    encoder_channels=((16, 16, 32), (32, 32, 64), (64, 64, 128), (128, 128)),
    encoder_paddings=((0, 0, 1), (0, 0, 1), (0, 0, (0, 1, 1)), (0, 0)),
    block_type='basicblock',
)
voxels = dict(
    voxel_size=(0.1, 0.1, 0.2),
    point_range=(-51.2, -51.2, -5.0, 51.2, 51.2, 3.0),
    voxel_features=('xyz', 'intensity', 'time'),
)
