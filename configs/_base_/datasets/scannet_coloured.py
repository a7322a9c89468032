# Pipelines of MMDetection3D's VoteNet on ScanNet with colours in place of the height. The colours
# of its files are in 0..255 and are brought to [0, 1].
load_coloured = dict(
    type='LoadPointsFromFile',
    coord_type='DEPTH',
    load_dim=6,
    use_dim=[0, 1, 2, 3, 4, 5],
    use_color=True,
)
normalise_colours = dict(type='NormalizePointsColor', color_mean=None)
coloured_train_pipeline = [
    load_coloured,
    normalise_colours,
    dict(
        type='LoadAnnotations3D',
        with_bbox_3d=True,
        with_label_3d=True,
        with_mask_3d=True,
        with_seg_3d=True,
    ),
    dict(type='GlobalAlignment', rotation_axis=2),
    dict(type='PointSegClassMapping'),
    dict(type='PointSample', num_points=40000),
    dict(
        type='RandomFlip3D',
        sync_2d=False,
        flip_ratio_bev_horizontal=0.5,
        flip_ratio_bev_vertical=0.5,
    ),
    dict(
        type='GlobalRotScaleTrans',
        rot_range=[-0.087266, 0.087266],
        scale_ratio_range=[1.0, 1.0],
    ),
    dict(
        type='Pack3DDetInputs',
        keys=[
            'points',
            'gt_bboxes_3d',
            'gt_labels_3d',
            'pts_semantic_mask',
            'pts_instance_mask',
        ],
    ),
]
coloured_test_pipeline = [
    load_coloured,
    normalise_colours,
    dict(type='GlobalAlignment', rotation_axis=2),
    dict(type='PointSample', num_points=40000),
    dict(type='Pack3DDetInputs', keys=['points']),
]
