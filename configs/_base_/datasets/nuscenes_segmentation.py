# Segmentation of nuScenes' keyframe sweeps by the protocol of SLidR (arXiv 2203.16258), to be laid over a pre-training config: these
# names are taken up by configs/downstream/*_nuscenes_*.py. 16 classes; 700 training scenes, or every 100th, 20th, 10th, 4th of
# them; the whole validation set.
segmentor = dict(type='PointSegmentor', num_classes=16)
training_sweeps = dict(
    type='NuScenesSegmentation',
    data_root='data/nuscenes',
    ann_file='nuscenes_infos_train.pkl',
    fraction=1.0,
    pipeline=[
        dict(type='LoadSweep'),
        dict(type='LoadPointLabels'),
        dict(type='PointRotation'),
        dict(type='PointFlip', prob=0.5),
        dict(type='PackSweep'),
    ],
)
validation_sweeps = dict(
    type='NuScenesSegmentation',
    data_root='data/nuscenes',
    ann_file='nuscenes_infos_val.pkl',
    test_mode=True,
    pipeline=[dict(type='LoadSweep'), dict(type='LoadPointLabels'), dict(type='PackSweep')],
)
training_loading = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
)
validation_loading = dict(
    batch_size=8, num_workers=4, sampler=dict(type='DefaultSampler', shuffle=False)
)
sgd = dict(type='SGD', momentum=0.9, dampening=0.1, weight_decay=1e-4)
# the head learns a hundred times faster than the pre-trained backbone
two_rates = dict(
    type='OptimWrapper',
    optimizer=dict(lr=0.02, **sgd),
    paramwise_cfg=dict(custom_keys=dict(seg_head=dict(lr_mult=100.0))),
)
# a linear probe has no other part, a run from scratch no pre-trained one
one_rate = dict(type='OptimWrapper', optimizer=dict(lr=0.05, **sgd))
segmentation_help = """
nuScenes with labels of points is not here: get nuScenes (the keyframes are enough) and nuScenes-lidarseg from https://www.nuscenes.org and
unpack both, so that there are data/nuscenes/samples/LIDAR_TOP, data/nuscenes/v1.0-trainval/scene.json and data/nuscenes/lidarseg/v1.0-trainval,
make the info files with MMDetection3D's tools/create_data.py, or name the folder: --cfg-options train_dataloader.dataset.data_root=DIR
"""
