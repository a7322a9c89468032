# Concept distillation on the embedded furniture: student, data, schedule and seeds of the aligned
# methods. Training sees points and pictures, no text and no name.
_base_ = [
    '../_base_/ema_runtime.py',
    '../_base_/models/pointbert_furniture.py',
    '../_base_/datasets/furniture.py',
    '../_base_/schedules/furniture_60e.py',
]
# No text, and any of a shape's pictures (the catalogue's, and rendered views where the data set has
# them).
changed = dict(ChooseTextImage=dict(type='ChooseTextImage', policy=dict(text='none')))
train_pipeline = [changed.get(step['type'], step) for step in _base_.train_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

model = dict(
    type='ConceptDistiller',
    head=dict(type='ConceptHead', in_channels=128, out_channels=384, num_concepts=16),
    target='image',
    loss=dict(type='ConceptLoss', form='cosine', concept_weight=1.0, contrast_weight=1.0),
)
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={
            'concept_queries': dict(decay_mult=0.0),
            'cls_pos': dict(decay_mult=0.0),
            'mask_token': dict(decay_mult=0.0),
        }
    )
)
work_dir = 'work_dirs/kd2d_pointbert_furniture'
