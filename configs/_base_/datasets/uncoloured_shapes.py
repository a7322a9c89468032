# What ModelNet40, ScanObjectNN and ShapeNetPart share; each adds its files. No colour: every
# point is 0.4, in both parts.
num_points = 10000

load_points = [
    dict(type='LoadShape'),
    dict(type='SamplePoints', num_points=num_points),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
]
pack = [dict(type='PackShapeInputs')]
scale_and_shift = [
    dict(type='RandomAnisotropicScale', max_factor=1.5),
    dict(type='RandomShift', max_shift=0.2),
]
train_pipeline = load_points + scale_and_shift + pack
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
    dataset=dict(split='train', no_colour=0.4, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', no_colour=0.4, test_mode=True, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='ShapeAccuracy')]
test_evaluator = val_evaluator
