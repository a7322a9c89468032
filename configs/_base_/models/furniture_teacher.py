# The embedded set's teacher, from the cache, and the classes of its zero-shot accuracy.
cached_teacher = dict(
    type='CachedTeacher',
    root='data/furniture/features/conse',
    expect=dict(type='ConSETeacher', dim=384),
)
prompt_classifier = dict(
    type='PromptClassifier',
    classes='configs/_base_/datasets/furniture_splits/nouns.json',
    templates=('{}', 'a {}', 'a 3D model of a {}'),
)
