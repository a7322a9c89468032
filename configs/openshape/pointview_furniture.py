# The baseline of configs/mrd/pointview_furniture.py: same student, data, schedule and seeds.
_base_ = [
    '../_base_/ema_runtime.py',
    '../_base_/models/pointview_furniture_aligned.py',
    '../_base_/datasets/furniture_10k.py',
    '../_base_/schedules/furniture_30e.py',
]
model = dict(type='ShapeAligner', loss=dict(type='AlignLoss'))
work_dir = 'work_dirs/openshape_pointview_furniture'
