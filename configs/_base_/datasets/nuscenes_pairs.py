# nuScenes keyframes: 600 scenes for pre-training, 100 kept for choosing settings (the family's own
# split). Method configs take the pipeline that they need, e.g.
# pipeline={{_base_.superpixel_pipeline}}.
data_root = 'data/nuscenes'
image_size = (224, 416)

load = [dict(type='SampleViews'), dict(type='LoadPair')]
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
whole_images = [dict(type='ImageResize', size=image_size)]
test_pipeline = [dict(type='LoadPair')] + whole_images + pack
superpixel_test_pipeline = [dict(type='LoadPair')] + superpixels + whole_images + pack

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
    dataset=dict(
        type='NuScenesPairs',
        data_root=data_root,
        ann_file='nuscenes_infos_train.pkl',
        split='parametrize',
        intensity_scale=1 / 255,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=2,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='NuScenesPairs',
        data_root=data_root,
        ann_file='nuscenes_infos_train.pkl',
        split='verify',
        intensity_scale=1 / 255,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
val_evaluator = [dict(type='PairTerms')]
val_cfg = dict(type='ValLoop')
data_help = """
This config trains on nuScenes: about 300 GB for all keyframes and sweeps, 4 GB for the mini
version.
  1. Get it from https://www.nuscenes.org (v1.0-mini is enough to begin with) and unpack it so that
     there are data/nuscenes/samples/LIDAR_TOP, data/nuscenes/samples/CAM_FRONT, ... and
     data/nuscenes/v1.0-mini/scene.json
  2. Make MMDetection3D's info files with its tools/create_data.py, as its documentation says.
  3. If it lies elsewhere, name the folder: --cfg-options train_dataloader.dataset.data_root=DIR
To see this method train on real sweeps within minutes, without this download: the configs whose
names end in zod-sample.
"""
