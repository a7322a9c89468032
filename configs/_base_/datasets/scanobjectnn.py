# ScanObjectNN; the variant is set by the config. No colour: every point is 0.4, in both parts. The
# 2,048 points of a shape are drawn with replacement.
_base_ = './uncoloured_shapes.py'

turn_and_scale = [dict(type='RandomRotationZ'), dict(type='RandomScale', low=0.9, high=1.1)]
train_pipeline = _base_.load_points + turn_and_scale + _base_.pack
shapes = dict(type='ScanObjectNNClassification', data_root='data/scanobjectnn/h5_files')
train_dataloader = dict(dataset=dict(**shapes, pipeline=train_pipeline))
val_dataloader = dict(dataset=shapes)
test_dataloader = val_dataloader
