# One nuScenes keyframe learned by heart: minutes on two CPU cores show that projection, heads,
# codes and both decoders work together. The keyframe is that of MMDetection3D's repository: copy
# its demo/data/nuscenes to data/nuscenes_keyframe. Nothing is moved or cropped; masks and queries
# are drawn anew in each of the 300 steps. Validation is on the same keyframe. Beside the intensity
# the student sees where a voxel lies: what is behind a return depends on where the sensor stands.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/nuscenes_pairs.py',
    '../_base_/models/minkunet18_efficientnet-lite0.py',
    '../_base_/schedules/zod_30e.py',
]
model = dict(
    type='CMCR',
    point_specific_head=dict(type='ProjectionHead', out_channels=64),
    image_specific_head=dict(type='ImageHead', out_channels=64),
    codebook=dict(type='Codebook', num_codes=64, dim=64, decay=0.95, revive=True, max_idle=20),
    image_decoder=dict(type='ImageDecoder', stride=4),
    occupancy_decoder=dict(type='OccupancyDecoder', radius=1.0, max_neighbours=16),
    num_pairs=2048,
    data_preprocessor=dict(_base_.pair_preprocessor, voxel_features=('xyz', 'intensity')),
)

# data: the files lie flat in one folder
keyframe = dict(
    data_root='data/nuscenes_keyframe',
    ann_file='n015-2018-07-24-11-22-45+0800.pkl',
    split='all',
    data_prefix=dict(
        pts='',
        CAM_FRONT='',
        CAM_FRONT_RIGHT='',
        CAM_BACK_RIGHT='',
        CAM_BACK='',
        CAM_BACK_LEFT='',
        CAM_FRONT_LEFT='',
    ),
)
masked = [dict(_base_.targets[0], prob=1.0), _base_.targets[1]]
load = [dict(type='LoadPair')]
train_dataloader = dict(
    batch_size=1,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(**keyframe, pipeline=load + _base_.targets + _base_.whole_images + _base_.pack),
)
masked_pipeline = load + masked + _base_.whole_images + _base_.pack
val_dataloader = dict(
    batch_size=1, num_workers=0, dataset=dict(**keyframe, pipeline=masked_pipeline)
)
data_help = """
This config trains on one keyframe of 1.6 MB: copy the folder demo/data/nuscenes of MMDetection3D's
repository to data/nuscenes_keyframe, or name it:
  --cfg-options train_dataloader.dataset.data_root=DIR val_dataloader.dataset.data_root=DIR
"""

# schedule: an epoch is a step
max_epochs = 300
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, end=10, by_epoch=True),
    dict(type='CosineAnnealingLR', begin=10, end=max_epochs, T_max=max_epochs - 10, by_epoch=True),
]
train_cfg = dict(max_epochs=max_epochs, val_interval=100)
default_hooks = dict(checkpoint=dict(interval=max_epochs))
work_dir = 'work_dirs/cmcr_minkunet18_nuscenes-keyframe'
