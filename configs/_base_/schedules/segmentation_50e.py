# Fine-tuning on nuScenes by the protocol of SLidR: SGD with a cosine over 50 epochs, 16 sweeps a
# step. The head learns a hundred times faster than the pre-trained backbone.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, dampening=0.1, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(seg_head=dict(lr_mult=100.0))),
)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=50, by_epoch=True)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=50, val_interval=10)
auto_scale_lr = dict(base_batch_size=16)
