# Smooth L1 error in place of the cosine.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(form='smooth_l1'))
