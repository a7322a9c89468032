# ST-SLidR: fine-tuned with the labels of every 20th training scene, 35 of 700.
_base_ = './res16unet34c_nuscenes_finetune-100pct.py'

train_dataloader = dict(dataset=dict(fraction=0.05))
work_dir = 'work_dirs/st_slidr_res16unet34c_nuscenes_finetune-5pct'
