# A linear layer on the points' features of the frozen backbone, which stays in eval mode.
_base_ = './pointbert_shapenetpart_finetune.py'

model = dict(freeze_backbone=True, head=dict(hidden_channels=()))
optim_wrapper = dict(optimizer=dict(lr=1e-2, weight_decay=0.0))
