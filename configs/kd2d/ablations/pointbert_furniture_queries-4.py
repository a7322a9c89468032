# Four concept queries.
_base_ = '../pointbert_furniture.py'

model = dict(head=dict(num_concepts=4))
