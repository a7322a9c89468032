# Twice as long, for 1 % of the labels.
_base_ = './segmentation_50e.py'

param_scheduler = [dict(type='CosineAnnealingLR', T_max=100, by_epoch=True)]
train_cfg = dict(max_epochs=100)
