# ScanObjectNN; the variant is set by the config. No colour: every point is 0.4, in both parts. The
# 2,048 points of a shape are drawn with replacement.
data_root = 'data/scanobjectnn/h5_files'
num_points = 10000
no_colour = 0.4

train_pipeline = [
    dict(type='LoadShape'),
    dict(type='SamplePoints', num_points=num_points),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='RandomRotationZ'),
    dict(type='RandomScale', low=0.9, high=1.1),
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
        type='ScanObjectNNClassification',
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
        type='ScanObjectNNClassification',
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
