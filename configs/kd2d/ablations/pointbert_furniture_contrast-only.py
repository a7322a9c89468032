# InfoNCE alone: no distance to the target.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(concept_weight=0.0))
