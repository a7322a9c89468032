# ShapeNetPart: 14,007 training and 2,874 test shapes of 16 categories with 50 parts. No colour:
# every point is 0.4, in both parts. 2,048 points a shape in training and in testing, as usual
# (without SamplePoints a test scores all points, one shape at a time).
_base_ = './uncoloured_shapes.py'

num_points = 2048
changed = dict(SamplePoints=dict(type='SamplePoints', num_points=num_points))
train_pipeline = [changed.get(step['type'], step) for step in _base_.train_pipeline]
changed = dict(SamplePoints=dict(type='SamplePoints', num_points=num_points, seed=0))
test_pipeline = [changed.get(step['type'], step) for step in _base_.test_pipeline]

shapes = dict(
    type='ShapeNetPart', data_root='data/shapenetcore_partanno_segmentation_benchmark_v0_normal'
)
train_dataloader = dict(
    batch_size=16, dataset=dict(**shapes, split='trainval', pipeline=train_pipeline)
)
val_dataloader = dict(batch_size=16, dataset=dict(**shapes, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [dict(type='PartIoU')]
test_evaluator = val_evaluator
