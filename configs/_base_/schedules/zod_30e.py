# The embedded sample, minutes on two CPU cores: AdamW with warm-up and cosine over 30 epochs of
# seven steps.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=10.0),
)
max_epochs = 30
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, end=2, by_epoch=True, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        begin=2,
        end=max_epochs,
        T_max=max_epochs - 2,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=max_epochs)
