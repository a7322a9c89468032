# The student of configs/kd2d/pointbert_sunrgbd.py as the backbone of a detector of rooms: points
# are x, y, z in metres, z up, and rgb in [0, 1], as in pre-training.
_base_ = './pointbert_rooms.py'

seed_backbone = dict(
    type='PointSeedBackbone',
    backbone=_base_.room_student,
    out_channels=256,
    num_seeds=1024,
    up_axis='z',
    scale=1.0,
)
