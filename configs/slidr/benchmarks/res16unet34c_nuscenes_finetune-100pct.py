# SLidR: fine-tuned with all labels of nuScenes. Voxels, coordinates, channels and network are the pre-training's.
_base_ = [
    '../slidr/res16unet34c_moco_1xb4-50e_nuscenes.py',
    '../_base_/downstream/nuscenes_segmentation.py',
]

model = dict(
    _delete_=True,
    backbone=_base_.model.backbone,
    data_preprocessor=_base_.model.data_preprocessor,
    **_base_.segmentor,
)
intensities = dict(intensity_scale=_base_.train_dataloader.dataset.intensity_scale)
train_dataloader = dict(
    _delete_=True, dataset={**_base_.training_sweeps, **intensities}, **_base_.training_loading
)
val_dataloader = dict(
    _delete_=True, dataset={**_base_.validation_sweeps, **intensities}, **_base_.validation_loading
)
val_evaluator = [dict(type='SemanticIoU')]
data_help = _base_.segmentation_help
optim_wrapper = dict(_delete_=True, **_base_.two_rates)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=50, by_epoch=True)]
train_cfg = dict(max_epochs=50, val_interval=10)
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(
    pretrained=dict(
        checkpoint='work_dirs/slidr_res16unet34c_moco_1xb4-50e_nuscenes/epoch_50.pth',
        min_coverage=1.0,
    )
)
work_dir = 'work_dirs/downstream_res16unet34c_slidr_nuscenes_finetune-100pct'
