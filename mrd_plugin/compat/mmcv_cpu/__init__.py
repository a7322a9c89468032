"""mmcv's point operators and mmdet3d on a CPU: detectors train and predict without CUDA.

Reason: mmcv 2.1 has no CPU kernels for furthest point sampling, ball query, kNN, grouping,
gathering, three-NN, interpolation, points in boxes (all, part), 3D NMS and dynamic scatter
(open-mmlab/mmdetection3d issues 2061 and 1152), so detectors of mmdet3d that use them stop on a
machine without a GPU. So do ``KittiMetric`` (a numba kernel for CUDA), the voxels of mmdet3d's
MinkUNet (``.cuda()``) and, in the backward pass, spconv (see :mod:`mrd_plugin.compat.spconv_cpu`).

Remedy, by one line of a config::

    custom_imports = dict(imports=['mrd_plugin.compat.mmcv_cpu'], allow_failed_imports=False)

Importing this package replaces the operators where no CUDA device exists; where one does, it
changes nothing. Indices and values are those of the CUDA kernels, gradients too (tested).

To be dropped operator by operator as mmcv gains CPU kernels.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import torch

_PACKAGES = ('mmcv', 'mmdet', 'mmdet3d')


def enable_cpu_operators() -> bool:
    """Replace the operators, unless there is a CUDA device; calling it again changes nothing.

    Returns:
        Whether mmcv runs on the operators of this package.

    Raises:
        ImportError: If mmcv is not installed or has no operators; names the command.
    """
    if torch.cuda.is_available():
        return False
    try:
        import mmcv.ops
    except ImportError as error:
        raise ImportError(
            'CPU operators for mmcv need mmcv with its operators, which is not installed; run pip '
            "install -e '.[mmdet3d]' (see docs/get_started/install.md)."
        ) from error
    from mrd_plugin.compat.mmcv_cpu import boxes, points, scatter

    for module in (points, scatter):
        for name, (forward, backward) in module.FUNCTIONS.items():
            function = getattr(sys.modules[f'mmcv.ops.{module.HOMES[name]}'], name)
            function.forward = staticmethod(forward)
            if backward is not None:
                function.backward = staticmethod(backward)
    for name, ours in boxes.OPERATORS.items():
        _replace(getattr(mmcv.ops, name), ours)
    if importlib.util.find_spec('mmdet3d') and importlib.util.find_spec('spconv'):
        _enable_mmdet3d()
    return True


def _enable_mmdet3d() -> None:
    """Replace what mmdet3d itself sends to CUDA; importing it also patches spconv."""
    from mrd_plugin.compat.mmcv_cpu import kitti_overlap, minkunet_voxels
    from mrd_plugin.compat.mmdet3d_classes import import_mmdet3d

    preprocessor = import_mmdet3d('models.data_preprocessors', 'Det3DDataPreprocessor')
    if preprocessor.voxelize.__module__ != minkunet_voxels.__name__:
        preprocessor.voxelize = minkunet_voxels.extend_voxelize(preprocessor.voxelize)
    sys.modules[kitti_overlap.REPLACES] = kitti_overlap


def _replace(original: Any, ours: Callable) -> None:
    """Put ``ours`` wherever a module of OpenMMLab holds ``original`` under some name."""
    for module_name, module in list(sys.modules.items()):
        if module_name.split('.')[0] in _PACKAGES and module is not None:
            held = [name for name, value in vars(module).items() if value is original]
            for name in held:
                setattr(module, name, ours)


enable_cpu_operators()
