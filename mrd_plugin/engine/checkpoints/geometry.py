"""The settings that decide correctness: what a checkpoint was trained on, what a config gives it.

A backbone that was trained with z up and is fed y-up shapes runs, and is wrong. So these settings
are collected from the config, travel in each checkpoint's ``meta['geometry']`` and are compared
when the checkpoint is loaded.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.logging import print_log
from mmengine.registry import DATASETS, MODELS, TRANSFORMS, Registry

from mrd_plugin.utils.errors import ConfigError

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_NORMALISATIONS = {'CenterScaleUnitBall': 'unit_ball'}
# Other numbers of points and patches are unusual and not wrong: they are reported and do not stop
# the run (Point-BERT is pre-trained with 64 groups and fine-tuned with 512). Sensors give intensity
# in units of their own, so that its scale goes by the data set.
_ADVISORY = ('num_points', 'num_patches', 'num_groups', 'intensity_scale')
# MMDetection3D's frames: LiDAR and depth coordinates are z-up, in camera coordinates y points down.
_UP_AXES = {'LIDAR': 'z', 'DEPTH': 'z', 'CAMERA': 'y'}
# Voxel encoders of MMDetection3D that hand the columns of the points on as they are.
_PLAIN_ENCODERS = ('HardSimpleVFE', 'DynamicSimpleVFE')
# The columns that detectors read from sweeps, by their number.
_SWEEP_COLUMNS = {
    3: ['xyz'],
    4: ['xyz', 'intensity'],
    5: ['xyz', 'intensity', 'time'],
}
# What the preprocessor of sweeps makes of points.
_OF_PREPROCESSOR = ('voxel_size', 'coordinates', 'voxel_features')
# What a backbone does before its first weight, so that no shape of a weight depends on it.
GEOMETRY_OF_BACKBONE = (
    'in_channels',
    'num_patches',
    'radius',
    'num_neighbours',
    'num_groups',
    'group_size',
    'voxel_size',
)


def _setting(registry: Registry, cfg: Mapping[str, Any], key: str) -> Any:
    """Return a setting: from the config, else the metainfo, else the constructor's default."""
    if cfg.get(key) is not None:
        return cfg[key]
    if key in (cfg.get('metainfo') or {}):
        return cfg['metainfo'][key]
    kind = cfg.get('type')
    kind = registry.get(kind) if isinstance(kind, str) else kind
    if kind is None:
        return None
    if key in getattr(kind, 'METAINFO', {}):
        return kind.METAINFO[key]
    for base in inspect.getmro(kind) if inspect.isclass(kind) else ():
        if '__init__' in vars(base):
            parameter = inspect.signature(vars(base)['__init__']).parameters.get(key)
            if parameter is not None and parameter.default is not inspect.Parameter.empty:
                return parameter.default
    return None


def _datasets(cfg: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the data sets inside wrappers such as ``RepeatDataset``, with their keys."""
    if not isinstance(cfg, Mapping):
        return
    if 'datasets' in cfg:
        for index, inner in enumerate(cfg['datasets']):
            yield from _datasets(inner, f'{where}.datasets[{index}]')
    elif 'dataset' in cfg:
        yield from _datasets(cfg['dataset'], f'{where}.dataset')
    else:
        yield where, cfg


def _of_dataset(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Return the geometry of what a data set's pipeline hands to the model."""
    keys = ('up_axis', 'no_colour', 'intensity_scale')
    found = {key: _setting(DATASETS, cfg, key) for key in keys}
    pipeline = [step for step in cfg.get('pipeline') or [] if isinstance(step, Mapping)]
    for step in pipeline:
        kind = step.get('type')
        if kind in _NORMALISATIONS:
            found['normalisation'] = _NORMALISATIONS[kind]
        elif kind == 'SamplePoints':
            found['num_points'] = _setting(TRANSFORMS, step, 'num_points')
        elif kind == 'PackShapeInputs':
            found['channels'] = list(_setting(TRANSFORMS, step, 'channels') or [])
            found.setdefault('normalisation', 'none')
        elif kind == 'LoadPointsFromFile' and not found['up_axis']:  # MMDetection3D's frames
            found['up_axis'] = _UP_AXES.get(str(step.get('coord_type')).upper())
    return {key: value for key, value in found.items() if value is not None}


def _part(cfg: Mapping[str, Any], *paths: str) -> tuple[str, Mapping[str, Any]]:
    """Return the first of these parts of ``model`` that the config has, with its dotted path."""
    for path in paths:
        found: Any = cfg.get('model')
        for key in path.split('.'):
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            return path, found
    return paths[0], {}


def _of_module(cfg: Mapping[str, Any], module: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return the geometry of a part of the model, by default the first that sees points."""
    paths = (module,) if module else ('middle_encoder', 'pts_middle_encoder', 'backbone')
    path, part = _part(cfg, *paths)
    kind = part.get('type')
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    if kind is not None and hasattr(kind, 'resolve_sizes'):  # sizes that go by one number
        part = {**part, **kind.resolve_sizes(part)}
    found = {key: _setting(MODELS, part, key) for key in GEOMETRY_OF_BACKBONE}
    return path, {key: value for key, value in found.items() if value is not None}


def _of_adapter(cfg: Mapping[str, Any], module: str) -> tuple[str, dict[str, Any]]:
    """Return what the part around a module makes of its points, with its path.

    ``PointSeedBackbone`` turns them so that another axis is up.
    """
    path = module.rpartition('.')[0]
    around = _part(cfg, path)[1] if path else {}
    axis = _setting(MODELS, around, 'up_axis') if around else None
    return path, {} if axis is None else {'up_axis': axis}


def _of_preprocessor(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """How points become voxels: our own preprocessor's keys, or those of MMDetection3D's."""
    _, keys = _part(cfg, 'data_preprocessor')
    if isinstance(keys.get('voxel_layer'), Mapping):
        kind = keys.get('voxel_type')
        found = dict(
            voxel_size=keys['voxel_layer'].get('voxel_size'),
            coordinates='cylindrical' if kind == 'cylindrical' else 'cartesian',
            voxel_features=_SWEEP_COLUMNS.get(_num_plain_features(cfg, kind)),
        )
    else:
        found = {key: _setting(MODELS, keys, key) for key in _OF_PREPROCESSOR}
    plain = {
        key: list(value) if isinstance(value, tuple) else value for key, value in found.items()
    }
    return {key: value for key, value in plain.items() if value is not None}


def _num_plain_features(cfg: Mapping[str, Any], voxel_type: str | None) -> int:
    """Columns of the points that reach MMDetection3D's network; 0 if they are encoded first."""
    _, encoder = _part(cfg, 'voxel_encoder', 'pts_voxel_encoder')
    if str(encoder.get('type')).rpartition('.')[2] in _PLAIN_ENCODERS:
        return encoder.get('num_features', 4)
    if voxel_type == 'minkunet' and not encoder:
        return _part(cfg, 'backbone')[1].get('in_channels', 0)
    return 0


def collect_geometry(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model that is trained by ``cfg`` gets to see.

    Args:
        cfg: A whole config.

    Returns:
        Those of these keys that the config decides: ``up_axis`` ('x', 'y' or 'z'), ``no_colour``
        (value in [0, 1] that replaces a missing colour) and ``intensity_scale`` (factor on a
        sweep's intensities) of the data set, ``normalisation`` ('unit_ball' or 'none'),
        ``num_points``, ``channels`` (what ``PackShapeInputs`` joins), of
        ``model.data_preprocessor`` ``voxel_size``, ``coordinates`` and ``voxel_features`` of sweeps
        and, of the part that sees points (``model.backbone``, or a detector's
        ``model.middle_encoder``), ``in_channels`` and how it cuts the cloud
        (:data:`GEOMETRY_OF_BACKBONE`).
    """
    model = {**_of_preprocessor(cfg), **_of_module(cfg)[1]}
    for _, dataset in _datasets(cfg.get('train_dataloader'), 'train_dataloader'):
        return {**_of_dataset(dataset), **model}
    return model


def check_meta(
    checkpoint_meta: Mapping[str, Any], cfg: Mapping[str, Any], module: str | None = None
) -> None:
    """Stop where a config contradicts what a checkpoint was trained on.

    All of the config's data loaders, its ``model.data_preprocessor`` and the part of its model that
    takes the weights are compared. A checkpoint without ``geometry`` (written by other software)
    can't contradict anything.

    Args:
        checkpoint_meta: ``checkpoint['meta']``.
        cfg: A whole config.
        module: Path of that part below ``model``. Defaults to None: the part that sees points.

    Raises:
        ConfigError: With the key, the checkpoint's value and the config's value.
    """
    trained = checkpoint_meta.get('geometry') or {}
    path, settings = _of_module(cfg, module)
    given = [('model.data_preprocessor', _of_preprocessor(cfg)), (f'model.{path}', settings)]
    adapter, turned = _of_adapter(cfg, path)
    given.append((f'model.{adapter}', turned))
    views = (cfg.get('model') or {}).get('num_test_views') or 1  # a test cloud is cut into so many
    for loader in _LOADERS:
        for where, dataset in _datasets(cfg.get(loader), loader):
            settings = _of_dataset(dataset)
            if loader != 'train_dataloader' and 'num_points' in settings:
                settings['num_points'] //= views
            given.append((where, {k: v for k, v in settings.items() if k not in turned}))
    for where, settings in given:
        for key, value in settings.items():
            if key not in trained or _same(trained[key], value):
                continue
            message = (
                f'The checkpoint was trained with {key}={trained[key]!r}, but {where} of the '
                f'config gives {key}={value!r}'
            )
            if key not in _ADVISORY:
                raise ConfigError(f'{message}; change the config, or load another checkpoint.')
            print_log(f'{message}.', 'current', level=logging.WARNING)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(float(one) - float(other)) < 1e-6
    return one == other
