"""Hooks, and the safe reading and writing of checkpoints."""

from mrd_plugin.compat import mmengine_checkpoint
from mrd_plugin.engine.checkpoints.geometry import check_meta, collect_geometry
from mrd_plugin.engine.checkpoints.matching import (
    LoadReport,
    backbone_weights,
    compare_weights,
    load_weights,
)
from mrd_plugin.engine.checkpoints.reading import find_resumable, read_checkpoint, read_meta
from mrd_plugin.engine.hooks import (
    AtomicCheckpointHook,
    BadSampleHook,
    NonFiniteLossError,
    NonFiniteLossHook,
    PretrainedCoverageHook,
    RNGStateHook,
)

mmengine_checkpoint.install(read_checkpoint)

__all__ = [
    'AtomicCheckpointHook',
    'BadSampleHook',
    'LoadReport',
    'NonFiniteLossError',
    'NonFiniteLossHook',
    'PretrainedCoverageHook',
    'RNGStateHook',
    'backbone_weights',
    'check_meta',
    'collect_geometry',
    'compare_weights',
    'find_resumable',
    'load_weights',
    'read_checkpoint',
    'read_meta',
]
