# SLidR: superpixels against superpoints, on nuScenes, 600 scenes, MinkUNet34 from ResNet-50 (MoCo v2); 16 keyframes a step on four GPUs.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/nuscenes_pairs.py',
    '../_base_/models/minkunet34_resnet50.py',
    '../_base_/schedules/slidr_50e.py',
]
model = dict(
    type='SLidR',
    temperature=0.07,
    teacher=dict(dilated=True),
    data_preprocessor=_base_.pair_preprocessor,
)
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=_base_.superpixel_pipeline))
val_dataloader = dict(
    batch_size=2,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=_base_.val_dataset.copy(),
)
val_dataloader['dataset']['pipeline'] = (
    [dict(type='LoadPair')] + _base_.superpixels + _base_.whole_images + _base_.pack
)
val_evaluator = [dict(type='PairTerms')]
val_cfg = dict(type='ValLoop')
work_dir = 'work_dirs/slidr_minkunet34_nuscenes'
