# Segmentation of SemanticKITTI's sweeps by the protocol of SLidR (arXiv 2203.16258), to be laid over a pre-training config: these
# names are taken up by configs/downstream/*_semantickitti_*.py. 19 classes; every 100th sweep of sequences 00 to 07, 09 and 10; the
# whole of sequence 08. Intensities are in [0, 1] as the files have them.
segmentor = dict(type='PointSegmentor', num_classes=19)
training_sweeps = dict(
    type='SemanticKITTI',
    data_root='data/semantickitti',
    split='train',
    fraction=0.01,
    pipeline=[
        dict(type='LoadSweep'),
        dict(type='LoadPointLabels'),
        dict(type='PointRotation'),
        dict(type='PointFlip', prob=0.5),
        dict(type='PackSweep'),
    ],
)
validation_sweeps = dict(
    type='SemanticKITTI',
    data_root='data/semantickitti',
    split='val',
    test_mode=True,
    pipeline=[dict(type='LoadSweep'), dict(type='LoadPointLabels'), dict(type='PackSweep')],
)
training_loading = dict(
    batch_size=10,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
)
validation_loading = dict(
    batch_size=5, num_workers=4, sampler=dict(type='DefaultSampler', shuffle=False)
)
sgd = dict(type='SGD', momentum=0.9, dampening=0.1, weight_decay=1e-4)
# the head learns forty times faster than the pre-trained backbone
two_rates = dict(
    type='OptimWrapper',
    optimizer=dict(lr=0.05, **sgd),
    paramwise_cfg=dict(custom_keys=dict(seg_head=dict(lr_mult=40.0))),
)
one_rate = dict(type='OptimWrapper', optimizer=dict(lr=0.05, **sgd))
segmentation_help = """
SemanticKITTI is not here: get the Velodyne point clouds of KITTI odometry (80 GB) from https://www.cvlibs.net/datasets/kitti and the labels
(179 MB) from http://semantic-kitti.org, unpack both, so that there are data/semantickitti/sequences/00/velodyne/000000.bin and
data/semantickitti/sequences/00/labels/000000.label, or name the folder: --cfg-options train_dataloader.dataset.data_root=DIR
"""
