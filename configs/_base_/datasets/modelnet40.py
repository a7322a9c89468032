# ModelNet40: 9,843 training and 2,468 test shapes. No colour: every point is 0.4, in both parts.
data_root = 'data/modelnet40_normal_resampled'
num_points = 10000
no_colour = 0.4

train_pipeline = [
    dict(type='LoadShape'),
    dict(type='SamplePoints', num_points=num_points),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='RandomAnisotropicScale', max_factor=1.5),
    dict(type='RandomShift', max_shift=0.2),
    dict(type='PackShapeInputs'),
]
test_pipeline = [
    dict(type='LoadShape'),
    dict(type='SamplePoints', num_points=num_points, seed=0),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='PackShapeInputs'),
]
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='ModelNet40Classification',
        data_root=data_root,
        split='train',
        no_colour=no_colour,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ModelNet40Classification',
        data_root=data_root,
        split='test',
        no_colour=no_colour,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='ShapeAccuracy')]
test_evaluator = val_evaluator
