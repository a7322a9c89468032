# The network of the family and a linear layer; 16 classes of nuScenes. Voxels as in
# configs/cmcr/minkunet34_nuscenes.py.
_base_ = './minkunet34.py'

model = dict(
    type='PointSegmentor',
    num_classes=16,
    data_preprocessor=dict(
        type='PairDataPreprocessor',
        voxel_size=(0.1, 0.1, 0.1),
        coordinates='cartesian',
        voxel_features=('intensity',),
    ),
)
