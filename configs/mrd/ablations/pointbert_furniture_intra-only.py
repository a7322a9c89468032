# Intra relations alone.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(w_cross=0.0))
