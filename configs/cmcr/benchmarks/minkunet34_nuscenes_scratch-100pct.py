# From scratch in CMCR's network and voxels: 100 % of the labels, one rate.
_base_ = './minkunet34_nuscenes_finetune-100pct.py'

optim_wrapper = dict(optimizer=dict(lr=0.05), paramwise_cfg=None)
default_hooks = dict(pretrained=dict(checkpoint=None))
work_dir = 'work_dirs/cmcr_minkunet34_nuscenes_scratch-100pct'
