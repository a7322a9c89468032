# SLidR: fine-tuned with all labels of nuScenes, in its own network and voxels.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/res16unet34c_segmentor.py',
    '../../_base_/datasets/nuscenes_segmentation.py',
    '../../_base_/schedules/segmentation_50e.py',
]
# intensities in 0..255, as in the pre-training
train_dataloader = dict(dataset=dict(intensity_scale=1.0))
val_dataloader = dict(dataset=dict(intensity_scale=1.0))
default_hooks = dict(
    pretrained=dict(
        checkpoint='work_dirs/slidr_res16unet34c_moco_1xb4-50e_nuscenes/epoch_50.pth',
        min_coverage=1.0,
    )
)
work_dir = 'work_dirs/slidr_res16unet34c_nuscenes_finetune-100pct'
