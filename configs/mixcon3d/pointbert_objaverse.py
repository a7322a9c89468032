# MixCon3D's recipe as printed: batch 2048, warm-up and cosine (the schedule), EMA 0.9995, a
# temperature of its own for every pair, and the joint embedding of points and image.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/pointbert_objaverse_aligned.py',
    '../_base_/datasets/objaverse.py',
    '../_base_/schedules/mixcon3d_200e.py',
]
model = dict(type='MixCon3D', loss=dict(type='MixCon3DLoss'))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.0005),
]
# Points alone; and, under another name, points with a picture at test time.
val_evaluator = [*_base_.val_evaluator, dict(type='JointZeroShotAccuracy')]
test_evaluator = val_evaluator
work_dir = 'work_dirs/mixcon3d_pointbert_objaverse'
