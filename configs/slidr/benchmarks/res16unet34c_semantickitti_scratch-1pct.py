# From scratch in SLidR's (and ST-SLidR's) network and voxels: every 100th sweep, one rate.
_base_ = './res16unet34c_semantickitti_finetune-1pct.py'

optim_wrapper = dict(paramwise_cfg=None)
default_hooks = dict(pretrained=dict(checkpoint=None))
work_dir = 'work_dirs/slidr_res16unet34c_semantickitti_scratch-1pct'
