# SLidR on the embedded sample, the twin of configs/cmcr/minkunet18_zod-sample.py.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/zod_pairs.py',
    '../_base_/models/minkunet18_efficientnet-lite0.py',
    '../_base_/schedules/zod_30e.py',
]
model = dict(
    type='SLidR',
    temperature=0.07,
    data_preprocessor=_base_.pair_preprocessor,
)
train_dataloader = dict(dataset=dict(pipeline=_base_.superpixel_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.superpixel_test_pipeline))
work_dir = 'work_dirs/slidr_minkunet18_zod-sample'
