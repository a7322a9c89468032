"""Tri-modal alignment (OpenShape, ULIP), and hard negatives."""

from mrd_plugin.methods.openshape.hard_negatives import HardNegativeAlignLoss, HardNegativeSampler
from mrd_plugin.methods.openshape.shape_aligner import ShapeAligner

__all__ = [
    'HardNegativeAlignLoss',
    'HardNegativeSampler',
    'ShapeAligner',
]
