# Variant A alone, without InfoNCE: the cosine is all that teaches.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(contrast_weight=0.0))
