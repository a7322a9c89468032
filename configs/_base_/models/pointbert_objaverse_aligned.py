# The published student with a head of the teacher's width (1280); method configs add type and loss.
_base_ = './pointbert.py'

model = dict(
    head=dict(type='ProjectionHead', in_channels=512, out_channels=1280),
    teacher=dict(type='SampleFeatureTeacher', dim=1280),
    separate_logit_scales=True,
)
