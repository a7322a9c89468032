# The published pair of the family: its network and ResNet-50 with the weights of MoCo v2 (800
# epochs), which are not ours to ship: get moco_v2_800ep_pretrain.pth.tar from the MoCo project.
# Method configs set model.type and what they need beside these.
_base_ = './minkunet34.py'

model = dict(
    teacher=dict(type='ResNetImageTeacher', weights='weights/moco_v2_800ep_pretrain.pth.tar'),
    point_head=dict(type='ProjectionHead', out_channels=64),
    image_head=dict(type='ImageHead', out_channels=64),
)
