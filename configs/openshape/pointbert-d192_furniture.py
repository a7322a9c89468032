# The baseline of configs/mrd/pointbert-d192_furniture.py: same student, data, schedule and seeds.
_base_ = '../mrd/pointbert-d192_furniture.py'

model = dict(type='ShapeAligner', loss=dict(_delete_=True, type='AlignLoss'))
work_dir = 'work_dirs/openshape_pointbert-d192_furniture'
