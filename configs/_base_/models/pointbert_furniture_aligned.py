# The small student with a head of the teacher's width; method configs add type and loss.
_base_ = './pointbert_furniture.py'

model = dict(
    head=dict(type='ProjectionHead', in_channels=128, out_channels=384),
    separate_logit_scales=True,
)
