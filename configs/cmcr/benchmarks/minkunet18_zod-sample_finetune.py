# Segmentation of the embedded sample's sweeps from an image-to-LiDAR pre-training on it: 8 labelled frames, 10 test frames
# (4 for choosing settings). tools/segmentation_ladder.py sets the checkpoint.
_base_ = '../cmcr/minkunet18_zod-sample.py'

model = dict(
    _delete_=True,
    type='PointSegmentor',
    num_classes=4,
    backbone=_base_.model.backbone,
    data_preprocessor=_base_.model.data_preprocessor,
)
default_hooks = dict(
    pretrained=dict(
        checkpoint='work_dirs/cmcr_minkunet18_zod-sample/epoch_30.pth', min_coverage=1.0
    )
)
train_dataloader = dict(dataset=dict(split='train', pipeline=_base_.labelled_pipeline))
val_dataloader = dict(dataset=dict(split='test', pipeline=_base_.test_pipeline))
val_evaluator = [dict(type='SemanticIoU')]
optim_wrapper = dict(optimizer=dict(lr=5e-3))
work_dir = 'work_dirs/downstream_minkunet18_zod-sample_finetune'
