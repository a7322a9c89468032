# VoteNet on ScanNet from ULIP-2's Point-BERT, which was pre-trained on single shapes in the unit
# ball with y up: the room is turned, and a metre counts as half a unit, so that its groups are
# about as large as theirs. Get its checkpoint and import it first (docs/models/checkpoints.md).
_base_ = './votenet_pointbert_scannet_scratch.py'
model = dict(
    backbone=dict(
        backbone=dict(_delete_=True, type='PointBERT', in_channels=6, num_groups=1024),
        up_axis='y',
        scale=0.5,
    )
)
default_hooks = dict(pretrained=dict(checkpoint='work_dirs/imported/ulip2.pth'))
work_dir = 'work_dirs/detection_votenet_ulip2-pointbert_scannet'
