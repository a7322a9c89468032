# SemanticKITTI: the head learns forty times faster than the pre-trained backbone, 10 sweeps a step.
_base_ = './segmentation_100e.py'

optim_wrapper = dict(
    optimizer=dict(lr=0.05), paramwise_cfg=dict(custom_keys=dict(seg_head=dict(lr_mult=40.0)))
)
auto_scale_lr = dict(base_batch_size=10)
