# The embedded set: 820 real shapes in 63 nouns, with cached features (docs/data/furniture.md).
data_root = 'data/furniture'
splits = 'configs/_base_/datasets/furniture_splits'
num_points = 1024
num_test_views = 4
channels = ('xyz', 'rgb', 'size')  # the catalogue knows real sizes
name_prompts = ('a {}', 'a 3D model of a {}')  # beside the bare name; of classes too

train_pipeline = [
    dict(type='LoadShape'),
    dict(type='ChooseTextImage', policy=dict(sources=('raw', 'caption'))),
    dict(type='SamplePoints', num_points=num_points),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='RandomRotationZ', max_angle=18.0),
    dict(type='RandomAnisotropicScale', max_factor=1.3),
    dict(type='RandomMirror'),
    dict(type='RandomShift', max_shift=0.1),
    dict(type='ColourJitter', gain=0.2),
    dict(type='ColorDrop', p=0.3, value=0.4),
    dict(type='RandomSize', sigma=0.1, drop=0.2),
    dict(type='PackShapeInputs', channels=channels),
]
test_pipeline = [
    dict(type='LoadShape'),
    dict(type='ChooseTextImage', policy=dict(text='name', image='first')),
    dict(type='SamplePoints', num_points=num_points * num_test_views, seed=0),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='PackShapeInputs', channels=channels),
]

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='FurnitureDataset',
        data_root=data_root,
        ann_file=f'{splits}/default.json',
        split=['train', 'val'],
        name_prompts=name_prompts,
        classes=f'{splits}/nouns.json',
        cache_in_memory=True,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='FurnitureDataset',
        data_root=data_root,
        ann_file=f'{splits}/default.json',
        split='test',
        classes=f'{splits}/nouns.json',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='ZeroShotAccuracy'),
    # All plugs are near-duplicates, so that the fold which tests them trains on none.
    dict(type='ZeroShotAccuracy', exclude=('plug',), prefix='zero_shot_without_plugs'),
    dict(type='CrossModalRetrieval'),
]
test_evaluator = val_evaluator

data_help = """
This config trains on the embedded furniture set (120 MB to download, 130 MB on disk). Make it with
  python tools/prepare/furniture.py
  python tools/extract_teacher_features.py data/furniture \\
      --classes configs/_base_/datasets/furniture_splits/nouns.json
or let bash tools/quickstart.sh do it all.
"""
