# CMCR: pre-trained on nuScenes, fine-tuned on every 100th sweep of SemanticKITTI.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/minkunet34_segmentor.py',
    '../../_base_/datasets/semantickitti_segmentation.py',
    '../../_base_/schedules/semantickitti_100e.py',
]
model = dict(num_classes=19)
default_hooks = dict(
    pretrained=dict(checkpoint='work_dirs/cmcr_minkunet34_nuscenes/epoch_10.pth', min_coverage=1.0)
)
work_dir = 'work_dirs/cmcr_minkunet34_semantickitti_finetune-1pct'
