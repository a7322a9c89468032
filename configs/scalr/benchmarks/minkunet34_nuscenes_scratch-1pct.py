# The network and the data of ScaLR without a pre-training: 1 % of the labels, one rate for all of it.
_base_ = './minkunet34_scalr_nuscenes_finetune-1pct.py'

optim_wrapper = dict(_delete_=True, **_base_.one_rate)
default_hooks = dict(pretrained=dict(checkpoint=None))
work_dir = 'work_dirs/downstream_minkunet34_scalr_nuscenes_scratch-1pct'
