# A linear layer on the frozen backbone.
_base_ = './minkunet18_zod-sample_finetune.py'

model = dict(freeze_backbone=True)
optim_wrapper = dict(optimizer=dict(lr=1e-2, weight_decay=0.0))
work_dir = 'work_dirs/cmcr_minkunet18_zod-sample_linear-probe'
