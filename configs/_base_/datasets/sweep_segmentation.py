# Segmentation of sweeps by the protocol of SLidR (arXiv 2203.16258): what the data sets share.
train_pipeline = [
    dict(type='LoadSweep'),
    dict(type='LoadPointLabels'),
    dict(type='PointRotation'),
    dict(type='PointFlip', prob=0.5),
    dict(type='PackSweep'),
]
test_pipeline = [dict(type='LoadSweep'), dict(type='LoadPointLabels'), dict(type='PackSweep')]
train_dataloader = dict(
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(test_mode=True, pipeline=test_pipeline),
)
val_evaluator = [dict(type='SemanticIoU')]
val_cfg = dict(type='ValLoop')
