# The joint embedding on the embedded set: same student, data, schedule and seeds as
# configs/openshape/pointbert_furniture.py.
_base_ = [
    '../_base_/ema_runtime.py',
    '../_base_/models/pointbert_furniture_aligned.py',
    '../_base_/datasets/furniture.py',
    '../_base_/schedules/furniture_60e.py',
]
model = dict(type='MixCon3D', loss=dict(type='MixCon3DLoss'))
val_evaluator = [*_base_.val_evaluator, dict(type='JointZeroShotAccuracy')]
test_evaluator = val_evaluator
work_dir = 'work_dirs/mixcon3d_pointbert_furniture'
