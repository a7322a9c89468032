"""Hooks, and the safe reading and writing of checkpoints."""

from mrd_plugin.compat import mmengine_checkpoint
from mrd_plugin.engine.atomic import AtomicLocalBackend, write_atomically
from mrd_plugin.engine.checkpoint import find_resumable, read_checkpoint, read_meta
from mrd_plugin.engine.geometry import check_meta, collect_geometry
from mrd_plugin.engine.hooks import (
    AtomicCheckpointHook,
    BadSampleHook,
    NonFiniteLossError,
    NonFiniteLossHook,
    PretrainedCoverageHook,
    RNGStateHook,
)
from mrd_plugin.engine.safe_pickle import load_npy, load_pickled_npy
from mrd_plugin.engine.weights import (
    LoadReport,
    backbone_weights,
    compare_weights,
    load_weights,
)

mmengine_checkpoint.install()

__all__ = [
    'AtomicCheckpointHook',
    'AtomicLocalBackend',
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
    'load_npy',
    'load_pickled_npy',
    'load_weights',
    'read_checkpoint',
    'read_meta',
    'write_atomically',
]
