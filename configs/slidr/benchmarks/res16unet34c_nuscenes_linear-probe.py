# SLidR: a linear layer on the frozen backbone, which stays in eval mode; all labels of nuScenes.
_base_ = './res16unet34c_slidr_nuscenes_finetune-100pct.py'

model = dict(freeze_backbone=True)
optim_wrapper = dict(_delete_=True, **_base_.one_rate)
work_dir = 'work_dirs/downstream_res16unet34c_slidr_nuscenes_linear-probe'
