# The student of configs/kd2d/pointbert_sunrgbd.py as the backbone of a detector of rooms: points are x, y, z in
# metres, z up, and rgb in [0, 1], as in pre-training.
seed_backbone = dict(
    type='PointSeedBackbone',
    backbone=dict(
        type='PointPatchTransformer',
        in_channels=6,
        dim=256,
        depth=3,
        num_heads=4,
        mlp_dim=512,
        sa_dim=256,
        num_patches=2048,
        radius=0.2,
        num_neighbours=64,
    ),
    out_channels=256,
    num_seeds=1024,
    up_axis='z',
    scale=1.0,
)
