# Cross relations alone.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(w_intra=0.0))
