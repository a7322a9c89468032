# From scratch in SLidR's (and ST-SLidR's) network and voxels: 1 % of the labels, one rate.
_base_ = './res16unet34c_nuscenes_finetune-1pct.py'

optim_wrapper = dict(optimizer=dict(lr=0.05), paramwise_cfg=None)
default_hooks = dict(pretrained=dict(checkpoint=None))
work_dir = 'work_dirs/slidr_res16unet34c_nuscenes_scratch-1pct'
