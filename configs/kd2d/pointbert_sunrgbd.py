# Concept distillation on indoor RGB-D frames, the student on the whole scene.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/pointbert_rooms.py',
    '../_base_/datasets/sunrgbd_pairs.py',
    '../_base_/schedules/sunrgbd_120e.py',
]
model = dict(
    type='ConceptDistiller',
    backbone=_base_.room_student,
    head=dict(type='ConceptHead', in_channels=256, out_channels=512, num_concepts=16),
    teacher=dict(type='OpenCLIPTeacher', model='ViT-B-16', pretrained='laion2b_s34b_b88k'),
    target='concepts',
    loss=dict(type='ConceptLoss'),
)
