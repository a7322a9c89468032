"""From a list of samples to a batch on the device."""

from mrd_plugin.models.preprocessors.pair_preprocessor import PairDataPreprocessor
from mrd_plugin.models.preprocessors.shape_preprocessor import ShapeDataPreprocessor

__all__ = [
    'PairDataPreprocessor',
    'ShapeDataPreprocessor',
]
