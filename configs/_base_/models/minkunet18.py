# MinkUNet18 with a quarter of the usual channels at its widest, for CPUs.
model = dict(
    backbone=dict(
        type='MinkUNetStudent',
        in_channels=4,
        depth=18,
        base_channels=16,
        encoder_channels=(16, 32, 64, 64),
        decoder_channels=(64, 64, 48, 48),
    ),
)
