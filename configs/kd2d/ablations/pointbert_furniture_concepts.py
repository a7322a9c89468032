# Variant B: concept by concept against soft-pooled patch tokens. Needs a cache with --patches.
_base_ = '../pointbert_furniture.py'

model = dict(target='concepts')
