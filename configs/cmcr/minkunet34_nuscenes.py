# CMCR as its released configuration runs it, with the geometry-enhanced reconstruction that the
# release lacks: nuScenes, 600 scenes, MinkUNet34 from ResNet-50 (MoCo v2); 12 keyframes a step on
# six GPUs.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/nuscenes_pairs.py',
    '../_base_/models/minkunet34_resnet50.py',
    '../_base_/schedules/cmcr_10e.py',
]
model = dict(
    type='CMCR',
    point_specific_head=dict(type='ProjectionHead', out_channels=64),
    image_specific_head=dict(type='ImageHead', out_channels=64),
    codebook=dict(type='Codebook', num_codes=400, dim=64, decay=0.999),
    image_decoder=dict(type='ImageDecoder', stride=1),  # as released; 4 costs a sixteenth
    occupancy_decoder=dict(type='OccupancyDecoder', radius=1.0, max_neighbours=32),
    num_pairs=2048,
    data_preprocessor=_base_.pair_preprocessor,
)
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=_base_.reconstruction_pipeline))
val_pipeline = [dict(type='LoadPair')] + _base_.targets + _base_.whole_images + _base_.pack
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
work_dir = 'work_dirs/cmcr_minkunet34_nuscenes'
