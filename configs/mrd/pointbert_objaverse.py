_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/pointbert_mrd.py',
    '../_base_/datasets/objaverse.py',
    '../_base_/schedules/mixcon3d_200e.py',
]
