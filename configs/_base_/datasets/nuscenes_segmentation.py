# Segmentation of nuScenes' keyframe sweeps by the protocol of SLidR (arXiv 2203.16258): 16 classes;
# 700 training scenes, or every 100th, 20th, 10th, 4th of them (fraction); the whole validation set.
_base_ = './sweep_segmentation.py'

sweeps = dict(type='NuScenesSegmentation', data_root='data/nuscenes', intensity_scale=1 / 255)
train_dataloader = dict(
    batch_size=16, dataset=dict(**sweeps, ann_file='nuscenes_infos_train.pkl', fraction=1.0)
)
val_dataloader = dict(batch_size=8, dataset=dict(**sweeps, ann_file='nuscenes_infos_val.pkl'))
data_help = """
nuScenes with labels of points is not here: get nuScenes (the keyframes are enough) and
nuScenes-lidarseg from https://www.nuscenes.org, unpack both, so that there are
data/nuscenes/samples/LIDAR_TOP, data/nuscenes/v1.0-trainval/scene.json and
data/nuscenes/lidarseg/v1.0-trainval, and make the info files with MMDetection3D's
tools/create_data.py, or name the folder: --cfg-options train_dataloader.dataset.data_root=DIR
"""
