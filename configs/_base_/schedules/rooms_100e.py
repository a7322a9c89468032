# Rooms: the recipe of shapes over 100 epochs of re-sampled columns, 5 of them warm-up; 32 columns a
# step.
_base_ = './finetune_300e.py'

param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, end=5, by_epoch=True, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        begin=5,
        end=100,
        T_max=95,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=100)
