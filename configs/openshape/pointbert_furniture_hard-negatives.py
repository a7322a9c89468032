# OpenShape's second round: go on from the first, with batches of shapes that it confuses.
#   python tools/train.py configs/openshape/pointbert_furniture.py
#   python tools/build_hard_negatives.py configs/openshape/pointbert_furniture.py \
#       work_dirs/openshape_pointbert_furniture/epoch_60.pth \
#       --out work_dirs/openshape_pointbert_furniture/neighbours.npz
#   python tools/train.py configs/openshape/pointbert_furniture_hard-negatives.py
_base_ = './pointbert_furniture.py'

first_round = 'work_dirs/openshape_pointbert_furniture'
load_from = f'{first_round}/epoch_60.pth'
group_size = 5

model = dict(loss=dict(type='HardNegativeAlignLoss', group_size=group_size, margin=0.1))
train_dataloader = dict(
    batch_size=65,
    sampler=dict(
        _delete_=True,
        type='HardNegativeSampler',
        neighbours=f'{first_round}/neighbours.npz',
        group_size=group_size,
        num_neighbours=31,
    ),
)
max_epochs = 20
optim_wrapper = dict(optimizer=dict(lr=5e-4))
warmup, cosine = _base_.param_scheduler
param_scheduler = [dict(warmup, end=2), dict(cosine, begin=2, end=max_epochs, T_max=max_epochs - 2)]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
work_dir = 'work_dirs/openshape_pointbert_furniture_hard-negatives'
