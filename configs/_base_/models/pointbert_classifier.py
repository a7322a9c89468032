# The pre-trained student's backbone (scaling 4) and a head for classes; num_classes is set by the
# config, the weights by PretrainedCoverageHook.
_base_ = './pointbert.py'

model = dict(
    type='ShapeClassifier',
    head=dict(
        type='ClassificationHead', in_channels=512, num_classes=40, hidden_channels=(256, 256)
    ),
    label_smoothing=0.2,
)
