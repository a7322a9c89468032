"""Samplers: which shapes form a batch."""

from mrd_plugin.datasets.samplers.hard_negative_sampler import HardNegativeSampler

__all__ = ['HardNegativeSampler']
