# ST-SLidR: fine-tuned with the labels of every 100th training scene, 7 of 700, for twice as long.
_base_ = './res16unet34c_nuscenes_finetune-100pct.py'

train_dataloader = dict(dataset=dict(fraction=0.01))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=100, by_epoch=True)]
train_cfg = dict(max_epochs=100)
work_dir = 'work_dirs/st_slidr_res16unet34c_nuscenes_finetune-1pct'
