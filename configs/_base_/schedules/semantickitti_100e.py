# SemanticKITTI, 1 % of the sweeps: twice as long, the head forty times faster than the pre-trained
# backbone, 10 sweeps a step.
_base_ = './segmentation_50e.py'

optim_wrapper = dict(
    optimizer=dict(lr=0.05), paramwise_cfg=dict(custom_keys=dict(seg_head=dict(lr_mult=40.0)))
)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=100, by_epoch=True)]
train_cfg = dict(max_epochs=100)
auto_scale_lr = dict(base_batch_size=10)
