# The joint embedding on the embedded set: same student, data, schedule and seeds as
# configs/openshape/pointbert_furniture.py.
_base_ = '../openshape/pointbert_furniture.py'

model = dict(type='MixCon3D', loss=dict(_delete_=True, type='MixCon3DLoss'))
val_evaluator = [*_base_.val_evaluator, dict(type='JointZeroShotAccuracy')]
test_evaluator = val_evaluator
work_dir = 'work_dirs/mixcon3d_pointbert_furniture'
