# CMCR: a linear layer on the frozen backbone, which stays in eval mode; all labels of nuScenes.
_base_ = './minkunet34_nuscenes_finetune-100pct.py'

model = dict(freeze_backbone=True)
optim_wrapper = dict(optimizer=dict(lr=0.05), paramwise_cfg=None)
work_dir = 'work_dirs/cmcr_minkunet34_nuscenes_linear-probe'
