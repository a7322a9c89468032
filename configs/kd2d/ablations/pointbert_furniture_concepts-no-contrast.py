# Variant B alone, without InfoNCE on the pooled concepts.
_base_ = '../pointbert_furniture.py'

model = dict(target='concepts', loss=dict(contrast_weight=0.0))
