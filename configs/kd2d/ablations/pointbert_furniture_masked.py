# Part of each cloud is hidden and rebuilt (Point-MAE), concepts are read from the rest.
_base_ = '../pointbert_furniture.py'

model = dict(
    reconstruction=dict(
        type='PatchReconstructionHead',
        in_channels=128,
        num_patches=32,
        num_points=16,
        dim=128,
        depth=2,
        num_heads=4,
    )
)
