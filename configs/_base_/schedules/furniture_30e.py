# Half the epochs, for students whose steps take longer.
_base_ = './furniture_60e.py'

max_epochs = 30
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        end=max_epochs // 10,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        begin=max_epochs // 10,
        end=max_epochs,
        T_max=max_epochs - max_epochs // 10,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
