# Half the epochs, for students whose steps take longer.
_base_ = './furniture_60e.py'

max_epochs = 30
warmup, cosine = _base_.param_scheduler
param_scheduler = [dict(warmup, end=3), dict(cosine, begin=3, end=max_epochs, T_max=max_epochs - 3)]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
