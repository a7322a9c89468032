# TAMM, stage 2, with the sparse convolution backbone: its pooled feature, one layer to 1280, then
# the two adapters at that width with dropout 0.5 in both, as released. Needs spconv.
_base_ = './pointbert_stage2_objaverse.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='SparseResNet34',
        in_channels=6,
        voxel_size=0.02,
        tail_channels=(1280,),
    ),
    head=dict(in_channels=1280, hidden_channels=1280, image_dropout=0.5, text_dropout=0.5),
)
work_dir = 'work_dirs/tamm_sparseresnet34_stage2_objaverse'
