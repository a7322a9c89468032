# TAMM, stage 1: a residual adapter on CLIP's image features, on OpenShape's files. Batch 200, lr
# 1e-3, AdamW, 20 epochs of warm-up, cosine, as released; the released stage 2 starts from epoch 23.
# Here the epoch is chosen by retrieval on a hundredth of the shapes that is held out for it.
_base_ = ['../_base_/default_runtime.py', '../_base_/datasets/objaverse.py']

holdout = 0.01
train_pipeline = [
    dict(type='LoadShape'),
    dict(
        type='ChooseTextImage',
        policy=dict(sources=('raw', 'caption'), feature_dim=_base_.embed_dim),
    ),
    dict(type='PackImageText'),
]
val_pipeline = [
    dict(type='LoadShape'),
    dict(
        type='ChooseTextImage',
        policy=dict(text='name', image='first', feature_dim=_base_.embed_dim),
    ),
    dict(type='PackImageText'),
]
train_dataloader = dict(batch_size=50, dataset=dict(holdout=holdout, pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=256,
    dataset=dict(
        type='OpenShapeDataset',
        ann_file='meta_data/split/train_all.json',
        holdout=holdout,
        part='val',
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='CrossModalRetrieval')]
test_evaluator = val_evaluator

model = dict(
    type='TAMMImageAdapter',
    adapter=dict(type='CLIPImageAdapter', dim=1280, reduction=4, ratio=0.2),
    teacher=dict(type='SampleFeatureTeacher', dim=1280),
)

max_epochs = 400
choose_by = 'retrieval/shape_to_text/r5'  # image to text: the adapted images are the shapes here
default_hooks = dict(checkpoint=dict(save_best=choose_by, rule='greater'))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='EarlyStoppingHook', monitor=choose_by, rule='greater', min_delta=0.0, patience=20),
]
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=20, by_epoch=True, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        begin=20,
        end=max_epochs,
        T_max=max_epochs - 20,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(base_batch_size=200)
work_dir = 'work_dirs/tamm_image-adapter_stage1_objaverse'
