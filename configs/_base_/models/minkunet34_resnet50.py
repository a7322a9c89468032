# The published pair of the image-to-LiDAR family: the Res16UNet34C of SLidR and CMCR as MMDetection3D's MinkUNet,
# and ResNet-50 with the weights of MoCo v2 (800 epochs), which are not ours to ship: get moco_v2_800ep_pretrain.pth.tar
# from the MoCo project. Method configs set model.type and what they need beside these.
model = dict(
    backbone=dict(
        type='MinkUNetStudent', in_channels=1, depth=34, stem_convs=1, norm_momentum=0.05
    ),
    teacher=dict(type='ResNetImageTeacher', weights='weights/moco_v2_800ep_pretrain.pth.tar'),
    point_head=dict(type='ProjectionHead', out_channels=64),
    image_head=dict(type='ImageHead', out_channels=64),
)
