# Rooms: the recipe of shapes over 100 epochs of re-sampled columns, 5 of them warm-up; 32 columns a
# step.
_base_ = './finetune_300e.py'

warmup, cosine = _base_.param_scheduler
param_scheduler = [dict(warmup, end=5), dict(cosine, begin=5, end=100, T_max=95)]
train_cfg = dict(max_epochs=100)
