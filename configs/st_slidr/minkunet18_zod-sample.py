# ST-SLidR on the embedded sample, the twin of configs/cmcr/minkunet18_zod-sample.py.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/zod_pairs.py',
    '../_base_/models/minkunet18_efficientnet-lite0.py',
    '../_base_/schedules/zod_30e.py',
]
model = dict(
    type='STSLidR',
    form='zeroed',
    quantile=0.01,
    data_preprocessor=_base_.pair_preprocessor,
)
train_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(pipeline=_base_.superpixel_pipeline)
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=_base_.val_dataset.copy(),
)
val_dataloader['dataset']['pipeline'] = (
    _base_.load + _base_.superpixels + _base_.whole_images + _base_.pack
)
val_evaluator = [dict(type='PairTerms')]
val_cfg = dict(type='ValLoop')
work_dir = 'work_dirs/st_slidr_minkunet18_zod-sample'
