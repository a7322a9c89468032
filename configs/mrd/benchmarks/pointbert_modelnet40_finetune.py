# Full fine-tuning on ModelNet40. Name the pre-training run's checkpoint with
#   --cfg-options default_hooks.pretrained.checkpoint=FILE      (without it: from scratch)
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/pointbert_classifier.py',
    '../../_base_/datasets/modelnet40.py',
    '../../_base_/schedules/finetune_300e.py',
]
default_hooks = dict(pretrained=dict(checkpoint=None, min_coverage=1.0))
