# The network and the data of CMCR without a pre-training: 100 % of the labels, one rate for all of it.
_base_ = './minkunet34_cmcr_nuscenes_finetune-100pct.py'

optim_wrapper = dict(_delete_=True, **_base_.one_rate)
default_hooks = dict(pretrained=dict(checkpoint=None))
work_dir = 'work_dirs/downstream_minkunet34_cmcr_nuscenes_scratch-100pct'
