# Fixed term weights; rows on which the two teachers agree count more.
_base_ = '../pointbert_furniture.py'

model = dict(
    loss=dict(within=dict(type='FixedWeights'), across=dict(type='FixedWeights'), agreement=dict())
)
