# ScanObjectNN OBJ_ONLY: 2,309 training and 581 test shapes, without background.
_base_ = './pointbert_scanobjectnn-pb-t50-rs_finetune.py'

train_dataloader = dict(dataset=dict(variant='OBJ_ONLY'))
val_dataloader = dict(dataset=dict(variant='OBJ_ONLY'))
test_dataloader = val_dataloader
