# The same network and data without pre-training, with a schedule of its own.
_base_ = './pointbert_furniture_finetune.py'

default_hooks = dict(pretrained=dict(checkpoint=None))
optim_wrapper = dict(optimizer=dict(lr=2e-3))
