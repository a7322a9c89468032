# A run of an earlier tree of the package: its registry names, config keys and checkpoint stay valid.
_base_ = ['mrd_plugin::_base_/default_runtime.py']

train_pipeline = [
    dict(type='LoadShape'),
    dict(type='ChooseTextImage'),
    dict(type='SamplePoints', num_points=32),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='RandomScale'),
    dict(type='ColorDrop', p=0.5, value=0.4),
    dict(type='PackShapeInputs', channels=('xyz', 'rgb')),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='OpenShapeDataset', data_root='data/openshape', ann_file='meta_data/split/train_all.json', gpt_filter_file=None, pipeline=train_pipeline),
)
model = dict(
    type='MRD',
    backbone=dict(type='PointPatchTransformer', in_channels=6, dim=16, depth=1, num_heads=2, mlp_dim=16, sa_hidden=8, sa_dim=16, num_patches=4, radius=0.5, num_neighbours=4),
    head=dict(type='ProjectionHead', in_channels=16, out_channels=6),
    teacher=dict(type='SampleFeatureTeacher', dim=6),
    loss=dict(type='MRDLoss', w_intra=0.5, w_cross=0.5, within=dict(type='TeacherMix'), across=dict(type='LossLevelSoftmax')),
)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2)
custom_hooks = [dict(type='NonFiniteLossHook'), dict(type='BadSampleHook'), dict(type='RNGStateHook'), dict(type='EMAHook')]
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
randomness = dict(seed=0)
