# A linear layer on the frozen backbone, which stays in eval mode.
_base_ = './pointbert_modelnet40_finetune.py'

model = dict(freeze_backbone=True, head=dict(hidden_channels=()), label_smoothing=0.0)
optim_wrapper = dict(optimizer=dict(lr=1e-2, weight_decay=0.0))
