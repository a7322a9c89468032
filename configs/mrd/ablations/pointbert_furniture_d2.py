# D2 inside each kind, fixed across kinds.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(within=dict(type='TeacherMix'), across=dict(type='FixedWeights')))
