# Full fine-tuning on ScanObjectNN PB_T50_RS, the hardest variant: 11,416 training and 2,882 test
# shapes. Name the pre-training run's checkpoint with
#   --cfg-options default_hooks.pretrained.checkpoint=FILE      (without it: from scratch)
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/pointbert_classifier.py',
    '../../_base_/datasets/scanobjectnn.py',
    '../../_base_/schedules/finetune_300e.py',
]
model = dict(head=dict(num_classes=15))
train_dataloader = dict(dataset=dict(variant='PB_T50_RS'))
val_dataloader = dict(dataset=dict(variant='PB_T50_RS'))
test_dataloader = val_dataloader
default_hooks = dict(pretrained=dict(checkpoint=None, min_coverage=1.0))
