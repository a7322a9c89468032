# D3, uncertainty weights, inside each kind and across kinds.
_base_ = '../pointbert_furniture.py'

model = dict(
    loss=dict(within=dict(type='UncertaintyWeights'), across=dict(type='UncertaintyWeights'))
)
