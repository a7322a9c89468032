# The embedded default: the Objaverse recipe's method on 820 real shapes, in minutes on two cores.
# Unseen shapes, seen words: the names of the test shapes occur in training (docs/furniture.md).
_base_ = './pointbert_objaverse.py'

# data
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
    _delete_=True,
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
    _delete_=True,
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

# student and teacher
model = dict(
    loss=dict(
        w_intra=0.15,
        w_cross=0.15,
        tau_intra=0.1,
        tau_cross=0.1,
        across=dict(type='FixedWeights'),  # best on validation, see README.md: D2 without D1
    ),
    backbone=dict(
        _delete_=True,
        type='PointPatchTransformer',
        in_channels=7,
        dim=128,
        depth=3,
        num_heads=4,
        mlp_dim=256,
        sa_hidden=32,
        sa_dim=64,
        num_patches=32,
        radius=0.25,
        num_neighbours=16,
    ),
    head=dict(in_channels=128, out_channels=384),
    teacher=dict(
        _delete_=True,
        type='CachedTeacher',
        root='data/furniture/features/conse',
        expect=dict(type='ConSETeacher', dim=384),
    ),
    classifier=dict(
        type='PromptClassifier',
        classes='configs/_base_/datasets/furniture_splits/nouns.json',
        templates=('{}', *name_prompts),
    ),
    num_test_views=4,
)
custom_hooks = [
    dict(type='NonFiniteLossHook'),
    dict(type='BadSampleHook', max_bad_fraction=0.1),
    dict(type='RNGStateHook'),
    dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.01),
]

# schedule
max_epochs = 60
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            'cls_token': dict(decay_mult=0.0),
            'log_logit_scale': dict(decay_mult=0.0),
            'criterion': dict(decay_mult=0.0),
        },
    ),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        end=max_epochs // 10,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        begin=max_epochs // 10,
        end=max_epochs,
        T_max=max_epochs - max_epochs // 10,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=max_epochs)
auto_scale_lr = dict(base_batch_size=64)
