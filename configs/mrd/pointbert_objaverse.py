# MRD as published, on OpenShape's data.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/pointbert_objaverse_aligned.py',
    '../_base_/datasets/objaverse.py',
    '../_base_/schedules/mixcon3d_200e.py',
]
model = dict(type='MRD', loss=dict(type='MRDLoss'))
