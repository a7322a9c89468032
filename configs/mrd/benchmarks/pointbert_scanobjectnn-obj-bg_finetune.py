# ScanObjectNN OBJ_BG: 2,309 training and 581 test shapes, with background.
_base_ = './pointbert_scanobjectnn-pb-t50-rs_finetune.py'

train_dataloader = dict(dataset=dict(variant='OBJ_BG'))
val_dataloader = dict(dataset=dict(variant='OBJ_BG'))
test_dataloader = val_dataloader
