# The baseline of configs/mrd/pointview_furniture.py: same student, data, schedule and seeds.
_base_ = '../mrd/pointview_furniture.py'

model = dict(type='ShapeAligner', loss=dict(_delete_=True, type='AlignLoss'))
work_dir = 'work_dirs/openshape_pointview_furniture'
