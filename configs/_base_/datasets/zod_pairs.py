# The embedded sample: 28 frames of camera and LiDAR with point labels, from
# tools/prepare/zod_sample.py. Coordinates are relative: a step of the 8-bit files is taken as 0.5 m
# (docs/data/sweeps.md), so voxels are one step and queries reach one step. There is no intensity.
# Method configs take the pipeline that they need, e.g. pipeline={{_base_.superpixel_pipeline}}.
_base_ = './image_lidar_pairs.py'

data_root = 'data/zod_sample'
image_size = (192, 352)
step = 0.5

load, move_points, pack = _base_.load, _base_.move_points, _base_.pack
crop_images = [dict(_base_.crop_images[0], size=image_size), _base_.crop_images[1]]
whole_images = [dict(type='ImageResize', size=image_size)]
# the pictures are small, so is the smoothing
superpixels = [dict(_base_.superpixels[0], sigma=1.0)]
targets = [_base_.targets[0], dict(_base_.targets[1], delta=step)]

train_pipeline = load + move_points + _base_.drop_points + crop_images + pack
superpixel_pipeline = load + superpixels + train_pipeline[1:]
reconstruction_pipeline = load + targets + move_points + crop_images + pack
# for classes of points: all sweeps look the same way, so they are mirrored and not turned
labelled_pipeline = load + [dict(type='PointFlip', prob=0.5)] + whole_images + pack
test_pipeline = load + whole_images + pack
superpixel_test_pipeline = load + superpixels + whole_images + pack

pair_preprocessor = dict(voxel_size=(step, step, step), voxel_features=('xyz', 'intensity'))
frames = dict(type='ZODSamplePairs', data_root=data_root, step=step)
# pre-training sees no label; the six frames of no list are added to the eight for training
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(**frames, split=['train', 'rest'], pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**frames, split='validation', test_mode=True, pipeline=test_pipeline),
)
val_evaluator = [dict(type='PairTerms')]
val_cfg = dict(type='ValLoop')
