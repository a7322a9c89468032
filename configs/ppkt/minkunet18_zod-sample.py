# PPKT on the embedded sample, the twin of configs/cmcr/minkunet18_zod-sample.py.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/zod_pairs.py',
    '../_base_/models/minkunet18_efficientnet-lite0.py',
    '../_base_/schedules/zod_30e.py',
]
model = dict(
    type='PPKT',
    num_pairs=2048,
    temperature=0.07,
    data_preprocessor=_base_.pair_preprocessor,
)
work_dir = 'work_dirs/ppkt_minkunet18_zod-sample'
