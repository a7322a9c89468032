# Concept distillation on the embedded furniture: student, data, schedule and seeds of
# configs/mrd/pointbert_furniture.py. Training sees points and pictures, no text and no name.
_base_ = '../mrd/pointbert_furniture.py'

# The base's pipeline but for the choice: no text, and any of a shape's pictures (the catalogue's, and
# rendered views where the data set has them).
train_pipeline = [step.copy() for step in _base_.train_pipeline]
train_pipeline[1] = dict(type='ChooseTextImage', policy=dict(text='none'))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

model = dict(
    _delete_=True,
    type='ConceptDistiller',
    backbone=_base_.model.backbone,
    head=dict(type='ConceptHead', in_channels=128, out_channels=384, num_concepts=16),
    teacher=_base_.model.teacher,
    classifier=_base_.model.classifier,
    target='image',
    loss=dict(type='ConceptLoss', form='cosine', concept_weight=1.0, contrast_weight=1.0),
    num_test_views=4,
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
