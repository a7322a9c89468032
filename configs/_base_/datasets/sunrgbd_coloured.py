# Pipelines of MMDetection3D's VoteNet on SUN RGB-D with colours in place of the height. The colours
# of its files are in [0, 1] already.
load_coloured = dict(
    type='LoadPointsFromFile',
    coord_type='DEPTH',
    load_dim=6,
    use_dim=[0, 1, 2, 3, 4, 5],
    use_color=True,
)
coloured_train_pipeline = [
    load_coloured,
    dict(type='LoadAnnotations3D'),
    dict(type='RandomFlip3D', sync_2d=False, flip_ratio_bev_horizontal=0.5),
    dict(
        type='GlobalRotScaleTrans',
        rot_range=[-0.523599, 0.523599],
        scale_ratio_range=[0.85, 1.15],
    ),
    dict(type='PointSample', num_points=20000),
    dict(type='Pack3DDetInputs', keys=['points', 'gt_bboxes_3d', 'gt_labels_3d']),
]
coloured_test_pipeline = [
    load_coloured,
    dict(type='PointSample', num_points=20000),
    dict(type='Pack3DDetInputs', keys=['points']),
]
