# OpenShape's alignment under the same recipe as MRD: MRD with its relation weights at zero.
_base_ = '../mrd/pointbert_objaverse.py'

model = dict(type='ShapeAligner', loss=dict(_delete_=True, type='AlignLoss'))
work_dir = 'work_dirs/openshape_pointbert_objaverse'
