# AdamW, 120 epochs, 10 of warm-up, cosine; 16 frames a step.
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
