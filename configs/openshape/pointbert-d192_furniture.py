# The baseline of configs/mrd/pointbert-d192_furniture.py: same student, data, schedule and seeds.
_base_ = './pointbert_furniture.py'

model = dict(
    backbone=dict(dim=192, depth=4, mlp_dim=384, sa_dim=128, num_patches=64),
    head=dict(in_channels=192),
)
work_dir = 'work_dirs/openshape_pointbert-d192_furniture'
