# Fixed weights: nothing is learnt about the balance.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(within=dict(type='FixedWeights'), across=dict(type='FixedWeights')))
