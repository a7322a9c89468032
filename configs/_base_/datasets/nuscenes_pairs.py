# nuScenes keyframes: 600 scenes for pre-training, 100 kept for choosing settings (the family's own
# split). Method configs take the pipeline that they need, e.g.
# pipeline={{_base_.superpixel_pipeline}}.
_base_ = './image_lidar_pairs.py'

data_root = 'data/nuscenes'
# training draws some of a keyframe's six images
load = [dict(type='SampleViews'), dict(type='LoadPair')]
train_pipeline = load[:1] + _base_.train_pipeline
superpixel_pipeline = load[:1] + _base_.superpixel_pipeline
reconstruction_pipeline = load[:1] + _base_.reconstruction_pipeline

keyframes = dict(
    type='NuScenesPairs',
    data_root=data_root,
    ann_file='nuscenes_infos_train.pkl',
    intensity_scale=1 / 255,
)
# in the place of that file: 7 scenes to train on and one to look at
mini = dict(ann_file='nuscenes-mini_infos_train.pkl')
train_dataloader = dict(dataset=dict(**keyframes, split='parametrize', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=2,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**keyframes, split='verify', test_mode=True, pipeline=_base_.test_pipeline),
)
val_evaluator = [dict(type='PairTerms')]
val_cfg = dict(type='ValLoop')
data_help = """
This config trains on nuScenes: about 300 GB for all keyframes and sweeps, 4 GB for the mini
version.
  1. Get it from https://www.nuscenes.org (v1.0-mini is enough to begin with) and unpack it so that
     there are data/nuscenes/samples/LIDAR_TOP, data/nuscenes/samples/CAM_FRONT, ... and
     data/nuscenes/v1.0-mini/scene.json
  2. Make MMDetection3D's info files with its tools/create_data.py, as its documentation says.
  3. If it lies elsewhere, name the folder: --cfg-options train_dataloader.dataset.data_root=DIR
To see this method train on real sweeps within minutes, without this download: the configs whose
names end in zod-sample.
"""
