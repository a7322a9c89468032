# VoteNet fitted to one room of SUN RGB-D on a CPU, from the student of
# configs/mrd/pointbert_furniture.py or from nothing. That student was trained on single shapes in
# the unit ball, z up, with colour and size: here a metre counts as a unit (a bed's ball has a
# radius of 1.4 m, a night stand's of 0.5 m), the size is unknown (0), and a room gets 256 patches
# where a shape has 32. No augmentation, and AP on what was fitted.
_base_ = '../votenet_pointbert_sunrgbd_scratch.py'
data_root = 'data/sunrgbd_frame/'
ann_file = 'sunrgbd_000017_infos.pkl'
classes = _base_.class_names

train_pipeline = [
    _base_.load_coloured,
    dict(type='LoadAnnotations3D'),
    dict(type='PointSample', num_points=8000),
    dict(type='Pack3DDetInputs', keys=['points', 'gt_bboxes_3d', 'gt_labels_3d']),
]
test_pipeline = [
    _base_.load_coloured,
    dict(type='PointSample', num_points=8000),
    dict(type='Pack3DDetInputs', keys=['points']),
]
frame = dict(
    type='SUNRGBDDataset',
    data_root=data_root,
    ann_file=ann_file,
    data_prefix=dict(pts='', img=''),
    metainfo=dict(classes=classes),
    box_type_3d='Depth',
)
train_dataloader = dict(
    _delete_=True,
    batch_size=2,  # two draws of points
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='RepeatDataset',
        times=2,
        dataset=dict(**frame, filter_empty_gt=False, pipeline=train_pipeline),
    ),
)
val_dataloader = dict(
    _delete_=True,
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(  # ten draws of points: with one, AP goes by its luck
        type='RepeatDataset',
        times=10,
        dataset=dict(**frame, test_mode=True, pipeline=test_pipeline),
    ),
)
test_dataloader = val_dataloader

model = dict(
    backbone=dict(
        backbone=dict(
            in_channels=7,
            dim=128,
            depth=3,
            num_heads=4,
            mlp_dim=256,
            sa_hidden=32,
            sa_dim=64,
            num_patches=256,
            radius=0.25,
            num_neighbours=16,
        ),
        num_seeds=512,
        scale=1.0,
        missing=(0.0,),
    ),
    bbox_head=dict(vote_aggregation_cfg=dict(num_point=64)),
)

max_epochs = 300
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, end=10, by_epoch=True),
    dict(type='CosineAnnealingLR', begin=10, end=max_epochs, T_max=max_epochs - 10, by_epoch=True),
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
default_hooks = dict(logger=dict(interval=1))
work_dir = 'work_dirs/overfit_votenet_pointbert_sunrgbd-frame'
