# The strong recipe of MixCon3D for this data and backbone, which MRD's paper does not state its own
# against (INTERPRETATION, docs/methods/mrd.md): AdamW, 200 epochs, global batch 2048, lr 1e-3 per
# 256 samples, 10 epochs of warm-up, cosine, EMA 0.9995.
base_batch_size = 2048
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3 * base_batch_size / 256, weight_decay=0.01),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            'cls_token': dict(decay_mult=0.0),
            'log_logit_scale': dict(decay_mult=0.0),
            'criterion': dict(decay_mult=0.0),
        },
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=10, by_epoch=True, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        begin=10,
        end=200,
        T_max=190,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=200, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(base_batch_size=base_batch_size)
