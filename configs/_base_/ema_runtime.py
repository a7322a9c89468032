# The furniture set's: its short trainings are scored with averaged weights.
_base_ = './default_runtime.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.01),
]
