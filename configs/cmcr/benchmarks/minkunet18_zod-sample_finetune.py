# Segmentation of the embedded sample's sweeps from an image-to-LiDAR pre-training on it: 8 labelled
# frames, 10 test frames (4 for choosing settings). tools/segmentation_ladder.py sets the
# checkpoint.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/minkunet18.py',
    '../../_base_/datasets/zod_pairs.py',
    '../../_base_/schedules/zod_30e.py',
]
model = dict(type='PointSegmentor', num_classes=4, data_preprocessor=_base_.pair_preprocessor)
default_hooks = dict(
    pretrained=dict(
        checkpoint='work_dirs/cmcr_minkunet18_zod-sample/epoch_30.pth', min_coverage=1.0
    )
)
train_dataloader = dict(dataset=dict(split='train', pipeline=_base_.labelled_pipeline))
val_dataloader = dict(dataset=dict(split='test'))
val_evaluator = [dict(type='SemanticIoU')]
optim_wrapper = dict(optimizer=dict(lr=5e-3))
work_dir = 'work_dirs/cmcr_minkunet18_zod-sample_finetune'
