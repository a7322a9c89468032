# CMCR on KITTI's object benchmark, MinkUNet34 from ResNet-50 (MoCo v2); recipe of nuScenes
# (interpretation: the paper pre-trains on nuScenes).
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/kitti_pairs.py',
    '../_base_/models/minkunet34_resnet50.py',
    '../_base_/schedules/cmcr_10e.py',
]
model = dict(
    type='CMCR',
    point_specific_head=dict(type='ProjectionHead', out_channels=64),
    image_specific_head=dict(type='ImageHead', out_channels=64),
    codebook=dict(type='Codebook', num_codes=400, dim=64, decay=0.999),
    image_decoder=dict(type='ImageDecoder', stride=1),
    occupancy_decoder=dict(type='OccupancyDecoder', radius=1.0, max_neighbours=32),
    num_pairs=2048,
    data_preprocessor=_base_.pair_preprocessor,
)
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=_base_.reconstruction_pipeline))
work_dir = 'work_dirs/cmcr_minkunet34_kitti'
