# ScaLR's loss and recipe on nuScenes: DINOv2 ViT-L/14, tokens before its last norm, one random
# camera a sweep, whole pictures of 224 x 448. The paper's student is WaffleIron-48-768, ours
# MinkUNet34 (interpretation).
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/nuscenes_pairs.py',
    '../_base_/models/minkunet34.py',
    '../_base_/schedules/scalr_25e.py',
]
image_size = (224, 448)
train_pipeline = [
    *[dict(type='SampleViews', num_views=1), dict(type='LoadPair')],
    *_base_.move_points,
    dict(type='ImageResize', size=image_size),
    dict(type='PackPairs'),
]
model = dict(
    type='ScaLR',
    backbone=dict(in_channels=4),
    teacher=dict(
        type='ViTImageTeacher',
        model='vit_large_patch14_dinov2',
        weights='timm',
        final_norm=False,
    ),
    point_head=dict(type='ProjectionHead', out_channels=1024),
    image_head=None,
    data_preprocessor={**_base_.pair_preprocessor, 'voxel_features': ('xyz', 'intensity')},
)
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
work_dir = 'work_dirs/scalr_minkunet34_nuscenes'
