# PointPatchTransformer ("PointBERT" of OpenShape, TAMM and MRD), scaling 4, 1280-d teacher.
model = dict(
    type='MRD',
    backbone=dict(type='PointPatchTransformer', scaling=4, in_channels=6),
    head=dict(type='ProjectionHead', in_channels=512, out_channels=1280),
    teacher=dict(type='SampleFeatureTeacher', dim=1280),
    loss=dict(type='MRDLoss'),
    separate_logit_scales=True,
)
