# What a stock detector of MMDetection3D needs to start from a pre-trained module; configs name the
# module and, but for the rows from scratch, the checkpoint.
custom_imports = dict(
    imports=['mrd_plugin', 'mrd_plugin.compat.mmcv_cpu'], allow_failed_imports=False
)
start = dict(type='PretrainedCoverageHook', checkpoint=None, prefix='backbone.', min_coverage=0.9)
