# CMCR, the embedded default: 14 real frames of camera and LiDAR, minutes on two CPU cores.
# Coordinates are relative and there is no intensity (docs/data/sweeps.md), so a voxel is one step
# of the files, the occupancy decoder looks four steps far, and the intensity term has nothing to
# learn from. The codebook is smaller and quicker than the published one: 210 steps would not move
# a book of decay 0.999.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/zod_pairs.py',
    '../_base_/models/minkunet18_efficientnet-lite0.py',
    '../_base_/schedules/zod_30e.py',
]
model = dict(
    type='CMCR',
    point_specific_head=dict(type='ProjectionHead', out_channels=64),
    image_specific_head=dict(type='ImageHead', out_channels=64),
    codebook=dict(type='Codebook', num_codes=64, dim=64, decay=0.95, revive=True, max_idle=20),
    image_decoder=dict(type='ImageDecoder', stride=4),
    occupancy_decoder=dict(type='OccupancyDecoder', radius=2.0, max_neighbours=16),
    num_pairs=2048,
    weights=dict(intensity=0.0),
    data_preprocessor=_base_.pair_preprocessor,
)
train_dataloader = dict(dataset=dict(pipeline=_base_.reconstruction_pipeline))
# every validation picture is masked
masked = [dict(_base_.targets[0], prob=1.0), _base_.targets[1]]
masked_pipeline = _base_.load + masked + _base_.whole_images + _base_.pack
val_dataloader = dict(dataset=dict(pipeline=masked_pipeline))
work_dir = 'work_dirs/cmcr_minkunet18_zod-sample'
