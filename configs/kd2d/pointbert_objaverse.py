# Concept distillation on Objaverse with an online teacher: patch tokens of 800 k x 12 renderings
# would be terabytes, so OpenCLIP runs beside the student. The teacher is the one whose features
# OpenShape's files hold, so that zero-shot figures stand beside those of configs/openshape and
# configs/mrd.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/pointbert.py',
    '../_base_/datasets/objaverse.py',
    '../_base_/schedules/mixcon3d_200e.py',
]
changed = dict(ChooseTextImage=dict(type='ChooseTextImage', policy=dict(text='none')))
train_pipeline = [changed.get(step['type'], step) for step in _base_.train_pipeline]
train_dataloader = dict(
    dataset=dict(
        type='ShapeFolderDataset',
        ann_file='meta_data/renderings.json',
        file_up_axis='y',
        cache_in_memory=False,
        pipeline=train_pipeline,
    )
)

model = dict(
    type='ConceptDistiller',
    head=dict(type='ConceptHead', in_channels=512, out_channels=1280, num_concepts=16, num_heads=8),
    teacher=dict(
        type='OpenCLIPTeacher', model='ViT-bigG-14', pretrained='laion2b_s39b_b160k', batch_size=64
    ),
    target='concepts',
    loss=dict(type='ConceptLoss'),
)
work_dir = 'work_dirs/kd2d_pointbert_objaverse'
data_help = """
This config trains on the points of OpenShape's data set (about 205 GB to download) and on
renderings, which the points' files don't hold.
  1. Get the points as configs/openshape/pointbert_objaverse.py says.
  2. Put renderings of the shapes below data/openshape and list them in
     data/openshape/meta_data/renderings.json, a row a shape:
       [{"id": "<id>", "shape": "Objaverse/000-000/<id>.npy",
         "images": ["renderings/<id>/00.png", ...]}]
To see concept distillation train on real shapes within minutes, without this download:
  python tools/train.py configs/kd2d/pointbert_furniture.py
"""
