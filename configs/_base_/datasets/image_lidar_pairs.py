# Pipelines and loader that the sets of camera and LiDAR share; each adds its files. The parts have
# names, so that a set or a method can put them together otherwise.
image_size = (224, 416)

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
whole_images = [dict(type='ImageResize', size=image_size)]
pack = [dict(type='PackPairs')]

# points and pixels alone
train_pipeline = load + move_points + drop_points + crop_images + pack
# with superpixels
superpixels = [
    dict(
        type='SLICSuperpixels',
        n_segments=150,
        compactness=6.0,
        sigma=3.0,
        cache_dir='data/superpixels',
    )
]
superpixel_pipeline = load + superpixels + move_points + drop_points + crop_images + pack
# with what is to be rebuilt: masked patches and occupancy queries; no point is dropped
targets = [
    dict(type='PatchMask', prob=0.5, patch_size=16, ratio=0.5),
    dict(type='OccupancyQueries', num_queries=2048, delta=0.1),
]
reconstruction_pipeline = load + targets + move_points + crop_images + pack
test_pipeline = load + whole_images + pack
superpixel_test_pipeline = load + superpixels + whole_images + pack

pair_preprocessor = dict(
    type='PairDataPreprocessor',
    voxel_size=(0.1, 0.1, 0.1),
    coordinates='cartesian',
    voxel_features=('intensity',),
)
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
