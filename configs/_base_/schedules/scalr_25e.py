# ScaLR: AdamW, 3,500 iterations of warm-up, cosine down to 1e-5, 25 epochs, 8 sweeps a GPU.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.03))
max_epochs = 25
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=3500, by_epoch=False),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        eta_min=1e-5,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
auto_scale_lr = dict(base_batch_size=8)
