# ScaLR on the embedded sample, the twin of configs/cmcr/minkunet18_zod-sample.py: no image head,
# the point head has the teacher's width.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/zod_pairs.py',
    '../_base_/models/minkunet18_efficientnet-lite0.py',
    '../_base_/schedules/zod_30e.py',
]
model = dict(
    type='ScaLR',
    point_head=dict(out_channels=1392),
    image_head=None,
    data_preprocessor=_base_.pair_preprocessor,
)
work_dir = 'work_dirs/scalr_minkunet18_zod-sample'
