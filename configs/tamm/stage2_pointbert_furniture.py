# TAMM, stage 2, on the embedded data: student, schedule and augmentation of
# configs/openshape/pointbert_furniture.py. Stage 1 comes first; tools/cross_validate.py runs both.
_base_ = '../openshape/pointbert_furniture.py'

first_stage = dict(
    config='configs/tamm/stage1_image-adapter_furniture.py',
    key='model.image_adapter_checkpoint',
)

# that of the baseline, with four images a shape: the catalogue's picture and three views
num_views = 4
train_pipeline = [
    dict(type='LoadShape'),
    dict(type='ChooseTextImage', policy=dict(sources=('raw', 'caption'), num_images=num_views)),
    dict(type='SamplePoints', num_points={{_base_.num_points}}),
    dict(type='SwapYZ'),
    dict(type='CenterScaleUnitBall'),
    dict(type='RandomRotationZ', max_angle=18.0),
    dict(type='RandomAnisotropicScale', max_factor=1.3),
    dict(type='RandomMirror'),
    dict(type='RandomShift', max_shift=0.1),
    dict(type='ColourJitter', gain=0.2),
    dict(type='ColorDrop', p=0.3, value=0.4),
    dict(type='RandomSize', sigma=0.1, drop=0.2),
    dict(type='PackShapeInputs', channels={{_base_.channels}}),
]
train_dataloader = dict(dataset=dict(views=True, pipeline=train_pipeline))

data_help = """
TAMM needs several views of each shape and their features. Make them with
  pip install -c requirements/constraints.txt -e '.[render]'
  python tools/prepare/furniture.py --views 12
  python tools/extract_teacher_features.py data/furniture \\
      --classes configs/_base_/datasets/furniture_splits/nouns.json
"""

model = dict(
    _delete_=True,
    type='TAMM',
    backbone={{_base_.model.backbone}},
    head=dict(
        type='DualAdapter',
        in_channels=128,
        hidden_channels=256,
        out_channels=384,
        image_dropout=0.5,
        text_dropout=0.2,
    ),
    teacher={{_base_.model.teacher}},
    classifier={{_base_.model.classifier}},
    num_test_views={{_base_.model.num_test_views}},
    image_adapter=dict(type='CLIPImageAdapter', dim=384, reduction=4, ratio=0.2),
    # a checkpoint of stage 1, or its work_dir, whose best_*.pth is taken
    image_adapter_checkpoint='work_dirs/tamm_stage1_furniture',
    num_views=num_views,
    loss=dict(type='DualAlignLoss', view_reduction='sum'),
)
work_dir = 'work_dirs/tamm_stage2_pointbert_furniture'
