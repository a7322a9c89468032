# ST-SLidR in its published form (logits of tolerated negatives zeroed), on nuScenes, 600 scenes,
# MinkUNet34 from ResNet-50 (MoCo v2); 16 keyframes a step on four GPUs.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/nuscenes_pairs.py',
    '../_base_/models/minkunet34_resnet50.py',
    '../_base_/schedules/slidr_50e.py',
]
model = dict(
    type='STSLidR',
    form='zeroed',
    quantile=0.01,
    teacher=dict(dilated=True),
    data_preprocessor=_base_.pair_preprocessor,
)
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=_base_.superpixel_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.superpixel_test_pipeline))
work_dir = 'work_dirs/st_slidr_minkunet34_nuscenes'
