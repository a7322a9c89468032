# A sharper teacher than student.
_base_ = '../pointbert_furniture.py'

model = dict(loss=dict(tau_intra_teacher=0.05, tau_cross_teacher=0.05))
