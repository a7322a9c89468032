# SLidR, and PPKT and ST-SLidR after it: SGD with a cosine over 50 epochs, 16 keyframes a step (the
# forks' number; SLidR's own file says 4 on one GPU with the same rate).
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.5, momentum=0.9, dampening=0.1, weight_decay=1e-4),
)
max_epochs = 50
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
auto_scale_lr = dict(base_batch_size=16)
