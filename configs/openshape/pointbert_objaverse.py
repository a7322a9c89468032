# OpenShape's alignment under the same recipe as MRD, which with its relation weights at zero is
# this.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/pointbert_objaverse_aligned.py',
    '../_base_/datasets/objaverse.py',
    '../_base_/schedules/mixcon3d_200e.py',
]
model = dict(type='ShapeAligner', loss=dict(type='AlignLoss'))
work_dir = 'work_dirs/openshape_pointbert_objaverse'
