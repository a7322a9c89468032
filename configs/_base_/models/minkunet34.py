# The image-to-LiDAR family's network: the Res16UNet34C of SLidR and CMCR as mmdet3d's MinkUNet.
model = dict(
    backbone=dict(type='MinkUNetStudent', in_channels=1, depth=34, stem_convs=1, norm_momentum=0.05)
)
