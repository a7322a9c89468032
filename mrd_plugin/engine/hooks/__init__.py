"""Hooks."""

from mrd_plugin.engine.hooks.atomic_checkpoint_hook import AtomicCheckpointHook
from mrd_plugin.engine.hooks.bad_sample_hook import BadSampleHook
from mrd_plugin.engine.hooks.non_finite_loss_hook import NonFiniteLossError, NonFiniteLossHook
from mrd_plugin.engine.hooks.pretrained_coverage_hook import PretrainedCoverageHook
from mrd_plugin.engine.hooks.rng_state_hook import RNGStateHook

__all__ = [
    'AtomicCheckpointHook',
    'BadSampleHook',
    'NonFiniteLossError',
    'NonFiniteLossHook',
    'PretrainedCoverageHook',
    'RNGStateHook',
]
