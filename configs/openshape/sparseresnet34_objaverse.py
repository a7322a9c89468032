# OpenShape's sparse-convolutional student with the schedule of its released code: AdamW 1e-3,
# batch 200, the rate times 0.95 every 10,000 steps, one logit scale. Needs spconv
# (docs/backbones.md).
_base_ = './pointbert_objaverse.py'

model = dict(
    backbone=dict(_delete_=True, type='SparseResNet34', in_channels=6, voxel_size=0.02),
    head=dict(in_channels=1024),
    separate_logit_scales=False,
)
sync_bn = 'torch'

train_dataloader = dict(batch_size=200)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='StepLR', by_epoch=False, step_size=10_000, gamma=0.95),
]
train_cfg = dict(max_epochs=1000)
auto_scale_lr = dict(base_batch_size=200)
work_dir = 'work_dirs/openshape_sparseresnet34_objaverse'
