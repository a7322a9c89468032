# A point patch transformer for scenes in metres, with patches about as 3DETR's encoder has them.
room_student = dict(
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
)
