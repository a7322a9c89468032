# Concept distillation on indoor RGB-D frames: SUN RGB-D in MMDetection3D's files, the photograph of a
# frame against the points of its depth picture. Points stay in metres. The student is the point patch
# transformer on the scene, with patches about as 3DETR's encoder has them.
_base_ = '../_base_/default_runtime.py'

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

model = dict(
    type='ConceptDistiller',
    backbone=dict(
        type='PointPatchTransformer',
        in_channels=6,
        dim=256,
        depth=3,
        num_heads=4,
        mlp_dim=512,
        sa_dim=256,
        num_patches=2048,
        radius=0.2,
        num_neighbours=64,
    ),
    head=dict(type='ConceptHead', in_channels=256, out_channels=512, num_concepts=16),
    teacher=dict(type='OpenCLIPTeacher', model='ViT-B-16', pretrained='laion2b_s34b_b88k'),
    target='concepts',
    loss=dict(type='ConceptLoss'),
)

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            'cls_token': dict(decay_mult=0.0),
            'concept_queries': dict(decay_mult=0.0),
            'cls_pos': dict(decay_mult=0.0),
        },
    ),
)
max_epochs = 120
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=10, by_epoch=True, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        begin=10,
        end=max_epochs,
        T_max=max_epochs - 10,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(base_batch_size=16)
