train_dataloader = dict(batch_size=64)
val_dataloader = dict(batch_size=64)
