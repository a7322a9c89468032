# MixCon3D's recipe as printed: batch 2048, warm-up and cosine (the schedule), EMA 0.9995, a temperature
# of its own for every pair, and the joint embedding of points and image.
_base_ = '../openshape/pointbert_objaverse.py'

model = dict(
    type='MixCon3D',
    loss=dict(_delete_=True, type='MixCon3DLoss'),
    separate_logit_scales=True,
)
custom_hooks = [
    dict(type='NonFiniteLossHook'),
    dict(type='BadSampleHook', max_bad_fraction=0.1),
    dict(type='RNGStateHook'),
    dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.0005),
]
# Points alone; and, under another name, points with a picture at test time.
val_evaluator = [dict(type='ZeroShotAccuracy'), dict(type='JointZeroShotAccuracy')]
test_evaluator = val_evaluator
work_dir = 'work_dirs/mixcon3d_pointbert_objaverse'
