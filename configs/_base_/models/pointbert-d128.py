# A small point patch transformer on x, y, z, rgb and size.
model = dict(
    backbone=dict(
        type='PointPatchTransformer',
        in_channels=7,
        dim=128,
        depth=3,
        num_heads=4,
        mlp_dim=256,
        sa_hidden=32,
        sa_dim=64,
        num_patches=32,
        radius=0.25,
        num_neighbours=16,
    ),
    num_test_views=4,
)
