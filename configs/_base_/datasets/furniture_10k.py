# 10,000 points per shape, for students that draw them: drawings of fewer points have holes.
_base_ = './furniture.py'

num_points = 10000
changed = dict(
    SamplePoints=dict(type='SamplePoints', num_points=num_points),
    ColorDrop=dict(type='ColorDrop', p=0.1, value=0.4),
)
train_pipeline = [changed.get(step['type'], step) for step in _base_.train_pipeline]
changed = dict(SamplePoints=dict(type='SamplePoints', num_points=num_points, seed=0))
test_pipeline = [changed.get(step['type'], step) for step in _base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
