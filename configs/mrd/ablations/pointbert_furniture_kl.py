# KL divergence instead of Jeffrey's.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(distance='kl'))
