# ShapeNetPart: 14,007 training and 2,874 test shapes of 16 categories with 50 parts. No colour:
# every point is 0.4, in both parts. 2,048 points a shape in training and in testing, as usual
# (without SamplePoints a test scores all points, one shape at a time).
data_root = 'data/shapenetcore_partanno_segmentation_benchmark_v0_normal'
num_points = 2048
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
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='ShapeNetPart',
        data_root=data_root,
        split='trainval',
        no_colour=no_colour,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ShapeNetPart',
        data_root=data_root,
        split='test',
        no_colour=no_colour,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='PartIoU')]
test_evaluator = val_evaluator
