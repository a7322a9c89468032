# Classification of the 25 nouns from the embedded pre-training. Shapes of rarer nouns are left out.
_base_ = [
    '../../_base_/ema_runtime.py',
    '../../_base_/models/pointbert-d128.py',
    '../../_base_/datasets/furniture.py',
    '../../_base_/schedules/furniture_60e.py',
]

model = dict(
    type='ShapeClassifier',
    head=dict(type='ClassificationHead', in_channels=128, num_classes=25),
    label_smoothing=0.1,
)
default_hooks = dict(
    pretrained=dict(checkpoint='work_dirs/pointbert_furniture/epoch_60.pth', min_coverage=1.0)
)
train_dataloader = dict(batch_size=32, dataset=dict(labelled_only=True))
val_evaluator = [
    dict(type='ShapeAccuracy'),
    dict(type='ShapeAccuracy', exclude=('plug',), prefix='accuracy_without_plugs'),
]
test_evaluator = val_evaluator
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(
        _delete_=True,
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={'cls_token': dict(decay_mult=0.0), 'cls_head': dict(lr_mult=5.0)},
    ),
)
auto_scale_lr = dict(base_batch_size=32)
