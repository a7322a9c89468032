# With rendered views of each training shape beside the catalogue's picture.
_base_ = './furniture.py'

train_dataloader = dict(dataset=dict(views=True))
data_help = """
This config needs several views of each shape and their features. Make them with
  pip install -c requirements/constraints.txt -e '.[render]'
  python tools/prepare/furniture.py --views 12
  python tools/extract_teacher_features.py data/furniture \\
      --classes configs/_base_/datasets/furniture_splits/nouns.json
"""
