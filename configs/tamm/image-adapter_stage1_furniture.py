# TAMM, stage 1, on the embedded data: seconds of training, since all features are cached. The epoch
# is chosen on the validation part, which therefore is not trained on.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/furniture_teacher.py',
    '../_base_/datasets/furniture_views.py',
    '../_base_/schedules/furniture_60e.py',
]
train_pipeline = [
    dict(type='ChooseTextImage', policy=dict(sources=('raw', 'caption'))),
    dict(type='PackImageText'),
]
val_pipeline = [
    dict(type='ChooseTextImage', policy=dict(text='name', image='first')),
    dict(type='PackImageText'),
]
train_dataloader = dict(dataset=dict(split='train', cache_in_memory=False, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(split='val', views=True, pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(views=True, pipeline=val_pipeline))

model = dict(
    type='TAMMImageAdapter',
    adapter=dict(type='CLIPImageAdapter', dim=384, reduction=4, ratio=0.2),
    teacher=_base_.cached_teacher,
    classifier=_base_.prompt_classifier,
)
work_dir = 'work_dirs/tamm_image-adapter_stage1_furniture'

choose_by = 'retrieval/shape_to_text/r5'  # image to text: the adapted images are the shapes here
default_hooks = dict(checkpoint=dict(save_best=choose_by, rule='greater'))
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=0.01))
train_cfg = dict(val_interval=1)
