# Alignment, the baseline of configs/mrd/pointbert_furniture.py: same student, data, schedule and
# seeds.
_base_ = [
    '../_base_/ema_runtime.py',
    '../_base_/models/pointbert_furniture_aligned.py',
    '../_base_/datasets/furniture.py',
    '../_base_/schedules/furniture_60e.py',
]
model = dict(type='ShapeAligner', loss=dict(type='AlignLoss'))
work_dir = 'work_dirs/openshape_pointbert_furniture'
