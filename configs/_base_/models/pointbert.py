# PointPatchTransformer ("PointBERT" of OpenShape, TAMM and MRD), scaling 4.
model = dict(backbone=dict(type='PointPatchTransformer', scaling=4, in_channels=6))
