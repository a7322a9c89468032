# The same on nuScenes-mini: 7 scenes to train on and one to look at; for trying things out.
_base_ = './minkunet34_nuscenes.py'

train_dataloader = dict(batch_size=2, num_workers=2, dataset=_base_.mini)
val_dataloader = dict(batch_size=1, dataset=_base_.mini)
work_dir = 'work_dirs/cmcr_minkunet34_nuscenes-mini'
