# TAMM, stage 2, on the embedded data: student, schedule and augmentation of
# configs/openshape/pointbert_furniture.py. Stage 1 comes first; tools/cross_validate.py runs both.
_base_ = [
    '../_base_/ema_runtime.py',
    '../_base_/models/pointbert_furniture.py',
    '../_base_/datasets/furniture_views.py',
    '../_base_/schedules/furniture_60e.py',
]

first_stage = dict(
    config='configs/tamm/image-adapter_stage1_furniture.py',
    key='model.image_adapter_checkpoint',
)

# four images per shape: the catalogue's picture and three views
num_views = 4
policy = dict(sources=('raw', 'caption'), num_images=num_views)
changed = dict(ChooseTextImage=dict(type='ChooseTextImage', policy=policy))
train_pipeline = [changed.get(step['type'], step) for step in _base_.train_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

model = dict(
    type='TAMM',
    head=dict(
        type='DualAdapter',
        in_channels=128,
        hidden_channels=256,
        out_channels=384,
        image_dropout=0.5,
        text_dropout=0.2,
    ),
    image_adapter=dict(type='CLIPImageAdapter', dim=384, reduction=4, ratio=0.2),
    # a checkpoint of stage 1, or its work_dir, whose best_*.pth is taken
    image_adapter_checkpoint='work_dirs/tamm_image-adapter_stage1_furniture',
    num_views=num_views,
    loss=dict(type='DualAlignLoss', view_reduction='sum'),
)
work_dir = 'work_dirs/tamm_pointbert_stage2_furniture'
