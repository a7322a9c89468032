# ModelNet40: 9,843 training and 2,468 test shapes. No colour: every point is 0.4, in both parts.
_base_ = './uncoloured_shapes.py'

shapes = dict(type='ModelNet40Classification', data_root='data/modelnet40_normal_resampled')
train_dataloader = dict(dataset=shapes)
val_dataloader = dict(dataset=shapes)
test_dataloader = val_dataloader
