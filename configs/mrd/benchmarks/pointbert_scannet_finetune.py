# Segmentation of rooms: ScanNet, 1,201 training and 312 validation rooms: 20 classes, columns of
# 1.5 m with 8,192 points. Data set, pipelines and metric are MMDetection3D's. Name the pre-training
# run's checkpoint with
#   --cfg-options default_hooks.pretrained.checkpoint=FILE      (without it: from scratch)
_base_ = [
    'mmdet3d::_base_/default_runtime.py',
    'mmdet3d::_base_/datasets/scannet-seg.py',
    '../../_base_/models/pointbert_scene_segmentor.py',
    '../../_base_/schedules/rooms_100e.py',
]
model = dict(
    decode_head=dict(num_classes=20, ignore_index=20),
    test_cfg=dict(num_points=8192, block_size=1.5),
)
default_hooks = dict(
    checkpoint=dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=3),
    pretrained=dict(type='PretrainedCoverageHook', checkpoint=None, min_coverage=1.0),
)
custom_hooks = [dict(type='NonFiniteLossHook'), dict(type='RNGStateHook')]
