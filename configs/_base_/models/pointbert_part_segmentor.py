# The pre-trained student's backbone (scaling 4) and a head for the 50 parts of ShapeNetPart; the
# weights come by a hook.
_base_ = './pointbert.py'

model = dict(
    type='PartSegmentor',
    head=dict(type='ClassificationHead', num_classes=50, hidden_channels=(512, 256)),
    num_categories=16,
)
