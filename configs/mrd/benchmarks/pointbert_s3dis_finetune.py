# Segmentation of rooms: S3DIS, trained on areas 1, 2, 3, 4 and 6, tested on area 5: 13 classes,
# columns of 1 m with 4,096 points. Data set, pipelines and metric are MMDetection3D's. Name the
# pre-training run's checkpoint with
#   --cfg-options default_hooks.pretrained.checkpoint=FILE      (without it: from scratch)
_base_ = [
    'mmdet3d::_base_/default_runtime.py',
    'mmdet3d::_base_/datasets/s3dis-seg.py',
    '../../_base_/models/pointbert_scene_segmentor.py',
    '../../_base_/schedules/rooms_100e.py',
]
model = dict(
    decode_head=dict(num_classes=13, ignore_index=13),
    test_cfg=dict(num_points=4096, block_size=1.0),
)
default_hooks = dict(
    checkpoint=dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=3),
    pretrained=dict(type='PretrainedCoverageHook', checkpoint=None, min_coverage=1.0),
)
custom_hooks = [dict(type='NonFiniteLossHook'), dict(type='RNGStateHook')]
# the columns as the backbone knows shapes: without MMDetection3D's coordinates within the room
train_pipeline = _base_.train_pipeline
train_pipeline[3]['use_normalized_coord'] = False
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
