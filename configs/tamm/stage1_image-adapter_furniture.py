# TAMM, stage 1, on the embedded data: seconds of training, since all features are cached. The epoch is
# chosen on the validation part, which therefore is not trained on.
_base_ = '../openshape/pointbert_furniture.py'

train_pipeline = [
    dict(type='ChooseTextImage', policy=dict(sources=('raw', 'caption'))),
    dict(type='PackImageText'),
]
val_pipeline = [
    dict(type='ChooseTextImage', policy=dict(text='name', image='first')),
    dict(type='PackImageText'),
]
train_dataloader = dict(
    dataset=dict(split='train', views=True, cache_in_memory=False, pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(split='val', views=True, pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(views=True, pipeline=val_pipeline))

data_help = """
TAMM needs several views of each shape and their features. Make them with
  pip install -c requirements/constraints.txt -e '.[render]'
  python tools/prepare/furniture.py --views 12
  python tools/extract_teacher_features.py data/furniture \\
      --classes configs/_base_/datasets/furniture_splits/nouns.json
"""

model = dict(
    _delete_=True,
    type='TAMMImageAdapter',
    adapter=dict(type='CLIPImageAdapter', dim=384, reduction=4, ratio=0.2),
    teacher={{_base_.model.teacher}},
    classifier={{_base_.model.classifier}},
)
work_dir = 'work_dirs/tamm_stage1_furniture'

choose_by = 'retrieval/shape_to_text/r5'  # image to text: the adapted images are the shapes here
default_hooks = dict(checkpoint=dict(save_best=choose_by, rule='greater'))
custom_hooks = [
    dict(type='NonFiniteLossHook'),
    dict(type='BadSampleHook', max_bad_fraction=0.1),
    dict(type='RNGStateHook'),
]
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=0.01))
train_cfg = dict(val_interval=1)
