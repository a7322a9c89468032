# The same in the voxels of SLidR's published recipe: 0.1 m x 1 degree x 0.1 m.
_base_ = './minkunet34_segmentor.py'

model = dict(data_preprocessor=dict(voxel_size=(0.1, 1.0, 0.1), coordinates='cylindrical'))
