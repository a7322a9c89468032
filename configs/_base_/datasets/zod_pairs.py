# The embedded sample: 28 frames of camera and LiDAR with point labels, from
# tools/prepare/zod_sample.py. Coordinates are relative: a step of the 8-bit files is taken as 0.5 m
# (docs/data/sweeps.md), so voxels are one step and queries reach one step. There is no intensity.
# Method configs take the pipeline that they need, e.g. pipeline={{_base_.superpixel_pipeline}}.
data_root = 'data/zod_sample'
image_size = (192, 352)
step = 0.5

load = [dict(type='LoadPair')]
move_points = [dict(type='PointRotation'), dict(type='PointFlip', prob=0.5)]
drop_points = [dict(type='CuboidDrop', max_size=0.2, min_pairs=1024)]
crop_images = [
    dict(
        type='ResizedCrop',
        size=image_size,
        scale=(0.3, 1.0),
        ratio=(14 / 9, 17 / 9),
        min_pairs=1024,
        min_share=0.75,
    ),
    dict(type='ImageFlip', prob=0.5),
]
pack = [dict(type='PackPairs')]

# points and pixels alone
train_pipeline = load + move_points + drop_points + crop_images + pack
# with superpixels; the pictures are small, so is the smoothing
superpixels = [
    dict(
        type='SLICSuperpixels',
        n_segments=150,
        compactness=6.0,
        sigma=1.0,
        cache_dir='data/superpixels',
    )
]
superpixel_pipeline = load + superpixels + move_points + drop_points + crop_images + pack
# with what is to be rebuilt: masked patches and occupancy queries; no point is dropped
targets = [
    dict(type='PatchMask', prob=0.5, patch_size=16, ratio=0.5),
    dict(type='OccupancyQueries', num_queries=2048, delta=step),
]
reconstruction_pipeline = load + targets + move_points + crop_images + pack
whole_images = [dict(type='ImageResize', size=image_size)]
# for classes of points: all sweeps look the same way, so they are mirrored and not turned
labelled_pipeline = load + [dict(type='PointFlip', prob=0.5)] + whole_images + pack
test_pipeline = load + whole_images + pack
superpixel_test_pipeline = load + superpixels + whole_images + pack

pair_preprocessor = dict(
    type='PairDataPreprocessor',
    voxel_size=(step, step, step),
    coordinates='cartesian',
    voxel_features=('xyz', 'intensity'),
)
# pre-training sees no label; the six frames of no list are added to the eight for training
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='ZODSamplePairs',
        data_root=data_root,
        split=['train', 'rest'],
        step=step,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ZODSamplePairs',
        data_root=data_root,
        split='validation',
        step=step,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
val_evaluator = [dict(type='PairTerms')]
val_cfg = dict(type='ValLoop')
