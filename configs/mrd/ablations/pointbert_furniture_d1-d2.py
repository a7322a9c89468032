# D2 inside each kind and D1 across kinds.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(within=dict(type='TeacherMix'), across=dict(type='LossLevelSoftmax')))
