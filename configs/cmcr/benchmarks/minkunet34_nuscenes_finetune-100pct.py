# CMCR: fine-tuned with all labels of nuScenes, in its own network and voxels.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/minkunet34_segmentor.py',
    '../../_base_/datasets/nuscenes_segmentation.py',
    '../../_base_/schedules/segmentation_50e.py',
]
default_hooks = dict(
    pretrained=dict(checkpoint='work_dirs/cmcr_minkunet34_nuscenes/epoch_10.pth', min_coverage=1.0)
)
work_dir = 'work_dirs/cmcr_minkunet34_nuscenes_finetune-100pct'
