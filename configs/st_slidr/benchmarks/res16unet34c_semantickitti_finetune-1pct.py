# ST-SLidR: pre-trained on nuScenes, fine-tuned on every 100th sweep of SemanticKITTI.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/res16unet34c_segmentor.py',
    '../../_base_/datasets/semantickitti_segmentation.py',
    '../../_base_/schedules/semantickitti_100e.py',
]
model = dict(num_classes=19)
default_hooks = dict(
    pretrained=dict(
        checkpoint='work_dirs/st_slidr_res16unet34c_moco_2xb8-50e_nuscenes/epoch_50.pth',
        min_coverage=1.0,
    )
)
work_dir = 'work_dirs/st_slidr_res16unet34c_semantickitti_finetune-1pct'
