# CMCR: fine-tuned on every 100th sweep of SemanticKITTI after a pre-training on nuScenes. Voxels, coordinates, channels and network are the pre-training's.
_base_ = ['../cmcr/minkunet34_nuscenes.py', '../_base_/downstream/semantickitti_segmentation.py']

model = dict(
    _delete_=True,
    backbone=_base_.model.backbone,
    data_preprocessor=_base_.model.data_preprocessor,
    **_base_.segmentor,
)
train_dataloader = dict(_delete_=True, dataset=_base_.training_sweeps, **_base_.training_loading)
val_dataloader = dict(_delete_=True, dataset=_base_.validation_sweeps, **_base_.validation_loading)
val_evaluator = [dict(type='SemanticIoU')]
data_help = _base_.segmentation_help
optim_wrapper = dict(_delete_=True, **_base_.two_rates)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=100, by_epoch=True)]
train_cfg = dict(max_epochs=100, val_interval=10)
auto_scale_lr = dict(base_batch_size=10)
default_hooks = dict(
    pretrained=dict(
        checkpoint='work_dirs/cmcr_minkunet34_nuscenes/epoch_10.pth',
        min_coverage=1.0,
    )
)
work_dir = 'work_dirs/downstream_minkunet34_cmcr_semantickitti_finetune-1pct'
