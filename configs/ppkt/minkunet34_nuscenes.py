# PPKT as SLidR runs it: nuScenes, 600 scenes, MinkUNet34 from ResNet-50 (MoCo v2); 16 keyframes a
# step on four GPUs.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/nuscenes_pairs.py',
    '../_base_/models/minkunet34_resnet50.py',
    '../_base_/schedules/slidr_50e.py',
]
model = dict(
    type='PPKT',
    num_pairs=4096,
    temperature=0.07,
    data_preprocessor=_base_.pair_preprocessor,
)
train_dataloader = dict(batch_size=4)
work_dir = 'work_dirs/ppkt_minkunet34_nuscenes'
