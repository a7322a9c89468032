# ScaLR: fine-tuned with the labels of every 10th training scene, 70 of 700.
_base_ = './minkunet34_nuscenes_finetune-100pct.py'

train_dataloader = dict(dataset=dict(fraction=0.1))
work_dir = 'work_dirs/scalr_minkunet34_nuscenes_finetune-10pct'
