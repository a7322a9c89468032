# CMCR's released trainer: AdamW at a constant rate, 10 epochs, 12 keyframes a step on 6 GPUs.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
max_epochs = 10
param_scheduler: list = []
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
auto_scale_lr = dict(base_batch_size=12)
