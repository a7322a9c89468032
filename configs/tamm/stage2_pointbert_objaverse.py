# TAMM, stage 2, with the point patch transformer: batch 200 (50 on each of 4 GPUs), lr 6e-4, AdamW, 10
# epochs of warm-up, cosine, 200 epochs, as released. Stage 1 comes first.
_base_ = ['../_base_/default_runtime.py', '../_base_/datasets/objaverse.py']

first_stage = dict(
    config='configs/tamm/stage1_image-adapter_objaverse.py',
    key='model.image_adapter_checkpoint',
)

# OpenShape's, with four images a shape
num_views = 4
train_pipeline = [
    dict(type='LoadShape'),
    dict(
        type='ChooseTextImage',
        policy=dict(num_images=num_views, feature_dim={{_base_.embed_dim}}),
    ),
    dict(type='SamplePoints', num_points={{_base_.num_points}}),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='PointDropToFirst', max_ratio=0.875),
    dict(type='RandomScale', low=0.8, high=1.25),
    dict(type='RandomShift', max_shift=0.1),
    dict(type='RandomSmallRotation'),
    dict(type='RandomRotationZ'),
    dict(type='ColorDrop', p=0.5, value=0.4),
    dict(type='PackShapeInputs'),
]
train_dataloader = dict(batch_size=50, dataset=dict(pipeline=train_pipeline))

model = dict(
    type='TAMM',
    backbone=dict(type='PointPatchTransformer', scaling=4, in_channels=6),
    head=dict(
        type='DualAdapter',
        in_channels=512,
        hidden_channels=1024,
        out_channels=1280,
        image_dropout=0.5,
        text_dropout=0.2,
    ),
    teacher=dict(type='SampleFeatureTeacher', dim=1280),
    image_adapter=dict(type='CLIPImageAdapter', dim=1280, reduction=4, ratio=0.2),
    # a checkpoint of stage 1, or its work_dir, whose best_*.pth is taken
    image_adapter_checkpoint='work_dirs/stage1_image-adapter_objaverse',
    num_views=num_views,
    loss=dict(type='DualAlignLoss', view_reduction='sum'),
)

max_epochs = 200
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=6e-4, weight_decay=0.01))
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
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(base_batch_size=200)
