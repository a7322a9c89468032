# The small student that also looks at its points through a frozen ImageNet network.
_base_ = './pointbert_furniture_aligned.py'

model = dict(
    backbone=dict(type='PointViewTransformer', trunk=dict(type='EfficientNetLiteTeacher')),
    num_test_views=1,
)
