# A linear layer on the frozen backbone. tools/probe.py does the same with logistic regression.
_base_ = './pointbert_furniture_finetune.py'

model = dict(freeze_backbone=True, label_smoothing=0.0)
optim_wrapper = dict(optimizer=dict(lr=2e-3, weight_decay=0.0))
