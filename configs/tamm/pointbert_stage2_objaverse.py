# TAMM, stage 2, with the point patch transformer: batch 200 (50 on each of 4 GPUs), lr 6e-4, AdamW,
# 10 epochs of warm-up, cosine, 200 epochs, as released. Stage 1 comes first.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/pointbert.py',
    '../_base_/datasets/objaverse.py',
    '../_base_/schedules/mixcon3d_200e.py',
]

first_stage = dict(
    config='configs/tamm/image-adapter_stage1_objaverse.py',
    key='model.image_adapter_checkpoint',
)

# OpenShape's sample, with four images per shape
num_views = 4
policy = dict(num_images=num_views, feature_dim=_base_.embed_dim)
changed = dict(ChooseTextImage=dict(type='ChooseTextImage', policy=policy))
train_pipeline = [changed.get(step['type'], step) for step in _base_.train_pipeline]
train_dataloader = dict(batch_size=50, dataset=dict(pipeline=train_pipeline))

model = dict(
    type='TAMM',
    head=dict(
        type='DualAdapter',
        in_channels=512,
        hidden_channels=1024,
        out_channels=1280,
        image_dropout=0.5,
        text_dropout=0.2,
    ),
    teacher=dict(type='SampleFeatureTeacher', dim=1280),
    image_adapter=dict(type='CLIPImageAdapter', dim=1280, reduction=4, ratio=0.2),
    # a checkpoint of stage 1, or its work_dir, whose best_*.pth is taken
    image_adapter_checkpoint='work_dirs/tamm_image-adapter_stage1_objaverse',
    num_views=num_views,
    loss=dict(type='DualAlignLoss', view_reduction='sum'),
)

optim_wrapper = dict(optimizer=dict(lr=6e-4), paramwise_cfg=None)
auto_scale_lr = dict(base_batch_size=200)
work_dir = 'work_dirs/tamm_pointbert_stage2_objaverse'
