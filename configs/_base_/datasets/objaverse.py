# OpenShape's training data: 876 k shapes with ViT-bigG-14 features in every file (about 205 GB).
# Sample construction as published: docs/data/shapes.md.
data_root = 'data/openshape'
num_points = 10000
embed_dim = 1280

train_pipeline = [
    dict(type='LoadShape'),
    dict(type='ChooseTextImage', policy=dict(feature_dim=embed_dim)),
    dict(type='SamplePoints', num_points=num_points),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='PointDropToFirst', max_ratio=0.875),
    dict(type='RandomScale', low=0.8, high=1.25),
    dict(type='RandomShift', max_shift=0.1),
    dict(type='RandomSmallRotation'),
    dict(type='RandomRotationZ'),
    dict(type='ColorDrop', p=0.5, value=0.4),
    dict(type='PackShapeInputs'),
]
test_pipeline = [
    dict(type='LoadShape'),
    dict(type='ChooseTextImage', policy=dict(text='name', image='first')),
    dict(type='SamplePoints', num_points=num_points, seed=0),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='PackShapeInputs'),
]

train_dataloader = dict(
    batch_size=256,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='OpenShapeDataset',
        data_root=data_root,
        ann_file='meta_data/split/train_all.json',
        pipeline=train_pipeline,
    ),
)
# Objaverse-LVIS is the validation set, as published; its N is printed.
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ObjaverseLVISDataset', data_root=data_root, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='ZeroShotAccuracy')]
test_evaluator = val_evaluator
data_help = """
This config trains on OpenShape's data set: about 205 GB to download, 300 GB unpacked.
  1. Fetch OpenShape/openshape-training-data from Hugging Face and unpack it so that there are
       data/openshape/Objaverse/000-000/<id>.npy (ShapeNet/, ABO/, 3D-FUTURE/ likewise)
       data/openshape/meta_data/split/train_all.json
  2. If it lies elsewhere, name the folder: --cfg-options train_dataloader.dataset.data_root=DIR
     val_dataloader.dataset.data_root=DIR
To see MRD train on real shapes within minutes, without this download:
  python tools/train.py configs/mrd/pointbert_furniture.py
"""
