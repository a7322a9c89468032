# D1 across kinds, fixed inside each kind.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(within=dict(type='FixedWeights'), across=dict(type='LossLevelSoftmax')))
