# SUN RGB-D in MMDetection3D's files: the photograph of a frame against the points of its depth
# picture, in metres.
data_root = 'data/sunrgbd'
num_points = 20000

train_pipeline = [
    dict(type='LoadShape'),
    dict(type='ChooseTextImage', policy=dict(text='none')),
    dict(type='FrustumCrop', min_scale=0.6),  # the same square of picture and points
    dict(type='SamplePoints', num_points=num_points),
    dict(type='RandomRotationZ', max_angle=30.0),
    dict(type='RandomScale', low=0.85, high=1.15),
    dict(type='ColourJitter', gain=0.2),
    dict(type='ColorDrop', p=0.3, value=0.4),
    dict(type='PackShapeInputs'),
]
test_pipeline = [
    dict(type='LoadShape'),
    dict(type='ChooseTextImage', policy=dict(text='none', image='first')),
    dict(type='FrustumCrop', random=False),
    dict(type='SamplePoints', num_points=num_points, seed=0),
    dict(type='PackShapeInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='SUNRGBDPairs',
        data_root=data_root,
        ann_file='sunrgbd_infos_train.pkl',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='SUNRGBDPairs',
        data_root=data_root,
        ann_file='sunrgbd_infos_val.pkl',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='CrossModalRetrieval')]  # photograph to room
test_evaluator = val_evaluator
