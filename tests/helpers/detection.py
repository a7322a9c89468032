"""Detection configs on tiny real slices: smaller networks and ranges, one frame, two steps."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import METRICS, MODELS

from mrd_plugin.engine import collect_geometry
from mrd_plugin.engine.converters.published_models import FACTS
from tests.helpers.configs import read_config
from tests.helpers.lidar import real_data

FRAMES = {
    'kitti': dict(
        root=('mmdet3d_fixtures', 'kitti'),
        ann_file='kitti_infos_train.pkl',
        data_prefix=dict(pts='training/velodyne_reduced'),
    ),
    'nuscenes': dict(
        root=('keyframes', 'nuscenes'),
        ann_file='n015-2018-07-24-11-22-45+0800.pkl',
        data_prefix=dict(pts='', img='', sweeps=''),
    ),
    'sunrgbd': dict(
        root=('keyframes', 'sunrgbd'),
        ann_file='sunrgbd_000017_infos.pkl',
        data_prefix=dict(pts='', img=''),
    ),
    'scannet': dict(
        root=('mmdet3d_fixtures', 'scannet'), ann_file='scannet_infos.pkl', data_prefix=None
    ),
}
RANGES = {
    'kitti': ([0, -12.8, -3, 25.6, 12.8, 1], [41, 512, 512]),
    'nuscenes': ([-12.8, -12.8, -5.0, 12.8, 12.8, 3.0], [41, 256, 256]),
}
NARROW = dict(layer_nums=[1, 1], out_channels=[16, 16])
SMALL = {'PointPatchTransformer': dict(depth=1, num_patches=32), 'PointBERT': dict(depth=1)}
"""Backbones whose weights are smaller too; the pre-training's is shrunk alike."""


def run_uncompiled(monkeypatch):
    """Leave out the twenty seconds that numba compiles mmdet3d's code for; the code is the same."""
    from mmdet3d.datasets.transforms import data_augment_utils
    from mmdet3d.evaluation.functional.kitti_utils import eval as kitti_eval
    from mmdet3d.structures.ops import box_np_ops

    for module in (data_augment_utils, kitti_eval, box_np_ops):
        for name, value in list(vars(module).items()):
            if hasattr(value, 'py_func'):
                monkeypatch.setattr(module, name, value.py_func)


def plain(loader):
    """The data set inside its wrappers."""
    dataset = loader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    return dataset


def steps_of(pipeline):
    """All steps, those inside test-time augmentation too."""
    for step in pipeline:
        yield step
        yield from steps_of(step.get('transforms') or [])


def shrink_pipeline(pipeline, data):
    """Leave out what needs a data base of objects; fewer points, a smaller range."""
    kept = [step for step in pipeline if step['type'] != 'ObjectSample']
    for step in steps_of(kept):
        if 'point_cloud_range' in step:
            step['point_cloud_range'] = RANGES[data][0]
        if step['type'] == 'PointSample':
            step['num_points'] = 1200
    return kept


def shrink_loader(loader, data):
    """Put the loader on the one real frame; two steps to train."""
    dataset, frame = plain(loader), FRAMES[data]
    root = real_data(*frame['root'])
    dataset.update(data_root=str(root), ann_file=frame['ann_file'])
    if frame['data_prefix']:
        dataset.data_prefix = frame['data_prefix']
    dataset.pipeline = shrink_pipeline(dataset.pipeline, data)
    test = dataset.get('test_mode', False)
    loader.update(batch_size=1, num_workers=0, persistent_workers=False)
    loader.dataset = dataset if test else dict(type='RepeatDataset', times=2, dataset=dataset)
    return root / frame['ann_file']


def shrink_sweep_model(model, data):
    """Shrink the range and the network on the map from above; keep the full voxel encoder."""
    point_range, shape = RANGES[data]
    pts = 'pts_' if 'pts_middle_encoder' in model else ''
    model.data_preprocessor.voxel_layer.update(point_cloud_range=point_range)
    model[f'{pts}middle_encoder'].sparse_shape = shape
    model[f'{pts}backbone'].update(NARROW)
    model[f'{pts}neck'].update(in_channels=[16, 16], out_channels=[16, 16])
    head = model.get('rpn_head') or model[f'{pts}bbox_head']
    head.in_channels = 32
    if pts:
        head.bbox_coder.pc_range = point_range[:2]
        model.train_cfg.pts.update(point_cloud_range=point_range, grid_size=[256, 256, 40])
        model.test_cfg.pts.pc_range = point_range[:2]
        return
    head.feat_channels = 32
    head.anchor_generator.ranges = [
        [0, -12.8, low[2], 25.6, 12.8, low[2]] for low in head.anchor_generator.ranges
    ]
    if 'points_encoder' in model:
        model.points_encoder.update(num_keypoints=64, point_cloud_range=point_range)
        model.train_cfg.rpn_proposal.update(nms_pre=64, nms_post=16)
        model.train_cfg.rcnn.sampler.num = 16
        model.test_cfg.rpn.update(nms_pre=64, nms_post=16)


def shrink_room_model(model):
    """Few seeds and proposals."""
    head = model.bbox_head
    if 'vote_aggregation_cfg' in head:
        head.vote_aggregation_cfg.num_point = 16
    else:
        head.num_proposal = 16
    if model.backbone.type == 'PointSeedBackbone':
        model.backbone.num_seeds = 64
        model.backbone.backbone.update(SMALL[model.backbone.backbone.type])
        if 'num_groups' in model.backbone.backbone:
            model.backbone.backbone.num_groups = 32
    else:
        model.backbone.num_points = (256, 128, 64, 32)


def metric_without_velocity():
    """Register ``IndoorMetric`` on the first seven numbers of nuScenes' boxes; return its name."""
    from mmdet3d.evaluation import IndoorMetric

    @METRICS.register_module(force=True)
    class PlainBoxMetric(IndoorMetric):
        def process(self, data_batch, data_samples):
            for sample in data_samples:
                for part, key in (
                    ('pred_instances_3d', 'bboxes_3d'),
                    ('eval_ann_info', 'gt_bboxes_3d'),
                ):
                    boxes = sample[part][key]
                    sample[part][key] = type(boxes)(boxes.tensor[:, :7])
            super().process(data_batch, data_samples)

    return PlainBoxMetric.__name__


def shrink(path, work_dir):
    """A config that a CPU trains and evaluates in seconds."""
    cfg = read_config(path)
    data = next(name for name in FRAMES if f'_{name}' in path)
    shrink_loader(cfg.train_dataloader, data)
    ann_file = shrink_loader(cfg.val_dataloader, data)
    if data in RANGES:
        shrink_sweep_model(cfg.model, data)
    else:
        shrink_room_model(cfg.model)
    if 'ann_file' in cfg.val_evaluator:
        cfg.val_evaluator.ann_file = str(ann_file)
    if data == 'nuscenes':  # the benchmark's own metric needs all tables of the data set
        cfg.val_evaluator = dict(type=metric_without_velocity())
        plain(cfg.val_dataloader).metainfo.box_type_3d = 'LiDAR'
    cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
    cfg.param_scheduler = []
    cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1, val_interval=1)
    cfg.randomness = dict(seed=0)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    cfg.default_hooks.logger.interval = 1
    return cfg


def pretrainings():
    """Configs by the folder that their checkpoints go to."""
    paths = [p for p in Path('configs').rglob('*.py') if p.parts[1] in ('cmcr', 'slidr', 'kd2d')]
    found = {}
    for path in paths:
        found[Config.fromfile(path).get('work_dir') or f'work_dirs/{path.stem}'] = path
    return found


def pretrained_checkpoint(cfg, file, known):
    """Write a checkpoint as the pre-training that the config names would: weights, geometry."""
    named = Path(cfg.default_hooks.pretrained.checkpoint)
    if named.stem in FACTS:
        backbone, geometry = cfg.model.backbone.backbone, FACTS[named.stem].geometry
    else:
        pretraining = Config.fromfile(known[str(named.parent)])
        assert named.stem == f'epoch_{pretraining.train_cfg.max_epochs}'
        backbone = pretraining.model.backbone
        backbone.update(SMALL.get(backbone.type, {}))
        geometry = collect_geometry(pretraining)
    torch.manual_seed(1)
    weights = MODELS.build(backbone).state_dict()
    state = {f'backbone.{key}': value for key, value in weights.items()}
    torch.save(dict(state_dict=state, meta=dict(geometry=geometry)), file)
    cfg.default_hooks.pretrained.checkpoint = str(file)
    return weights
