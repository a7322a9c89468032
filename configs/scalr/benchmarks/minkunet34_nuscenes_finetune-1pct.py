# ScaLR: fine-tuned with the labels of every 100th training scene, 7 of 700, for twice as long.
_base_ = './minkunet34_nuscenes_finetune-100pct.py'

train_dataloader = dict(dataset=dict(fraction=0.01))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=100, by_epoch=True)]
train_cfg = dict(max_epochs=100)
work_dir = 'work_dirs/scalr_minkunet34_nuscenes_finetune-1pct'
