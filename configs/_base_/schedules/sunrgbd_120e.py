# AdamW, 120 epochs, 10 of warm-up, cosine; 16 frames a step.
_base_ = './finetune_300e.py'

max_epochs = 120
optim_wrapper = dict(
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(
        custom_keys={'concept_queries': dict(decay_mult=0.0), 'cls_pos': dict(decay_mult=0.0)}
    ),
)
warmup, cosine = _base_.param_scheduler
param_scheduler = [warmup, dict(cosine, end=max_epochs, T_max=max_epochs - 10)]
train_cfg = dict(max_epochs=max_epochs)
auto_scale_lr = dict(base_batch_size=16)
