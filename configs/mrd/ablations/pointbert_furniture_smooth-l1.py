# Raw similarities with smooth L1 instead of normalised ones with a divergence.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(distance='smooth_l1'))
