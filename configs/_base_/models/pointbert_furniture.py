# The small student beside the embedded set's teacher.
_base_ = ['./pointbert-d128.py', './furniture_teacher.py']

model = dict(teacher=_base_.cached_teacher, classifier=_base_.prompt_classifier)
