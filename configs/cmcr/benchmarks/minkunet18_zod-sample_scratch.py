# The same network and data without pre-training.
_base_ = './minkunet18_zod-sample_finetune.py'

default_hooks = dict(pretrained=dict(checkpoint=None))
work_dir = 'work_dirs/cmcr_minkunet18_zod-sample_scratch'
