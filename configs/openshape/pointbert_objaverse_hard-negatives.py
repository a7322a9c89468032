# OpenShape's second round, 40 seeds with 5 samples each in a batch (paper, section 3.2). The table
# of neighbours comes from the first round, made by tools/build_hard_negatives.py for any backbone;
# OpenShape's own meta_data/point_feat_knn.npy (SparseConv features) is read too. INTERPRETATION:
# the length of the round and its learning rate.
_base_ = './pointbert_objaverse.py'

first_round = 'work_dirs/openshape_pointbert_objaverse'
load_from = f'{first_round}/epoch_200.pth'
group_size = 5

model = dict(loss=dict(type='HardNegativeAlignLoss', group_size=group_size, margin=0.1))
train_dataloader = dict(
    batch_size=200,
    sampler=dict(
        _delete_=True,
        type='HardNegativeSampler',
        neighbours=f'{first_round}/neighbours.npz',
        group_size=group_size,
        num_neighbours=31,
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
warmup, cosine = _base_.param_scheduler
param_scheduler = [dict(warmup, end=1), dict(cosine, begin=1, end=20, T_max=19)]
train_cfg = dict(max_epochs=20, val_interval=5)
auto_scale_lr = dict(base_batch_size=200)
work_dir = 'work_dirs/openshape_pointbert_objaverse_hard-negatives'
