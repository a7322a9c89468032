# MRD with OpenShape's sparse-convolutional student.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/sparseresnet34_objaverse_aligned.py',
    '../_base_/datasets/objaverse.py',
    '../_base_/schedules/mixcon3d_200e.py',
]
model = dict(type='MRD', loss=dict(type='MRDLoss'))
work_dir = 'work_dirs/mrd_sparseresnet34_objaverse'
