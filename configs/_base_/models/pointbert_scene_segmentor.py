# The pre-trained student's backbone (scaling 4) in MMDetection3D's segmentor with its DGCNNHead; a
# room's columns are brought into the unit ball. Configs set the number of classes and the columns
# of a test.
_base_ = './pointbert.py'

custom_imports = dict(
    imports=['mrd_plugin', 'mrd_plugin.models.downstream.scene_segmentor'],
    allow_failed_imports=False,
)
model = dict(
    type='SceneSegmentor',
    data_preprocessor=dict(type='mmdet3d.Det3DDataPreprocessor'),
    decode_head=dict(
        type='mmdet3d.DGCNNHead',
        fp_channels=(3072, 512),
        channels=256,
        dropout_ratio=0.5,
        loss_decode=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    test_cfg=dict(mode='slide', sample_rate=0.5, use_normalized_coord=False, batch_size=12),
)
