"""From a collated batch to tensors on the model's device."""

from mrd_plugin.models.data_preprocessors.pair_preprocessor import PairDataPreprocessor
from mrd_plugin.models.data_preprocessors.shape_preprocessor import ShapeDataPreprocessor

__all__ = ['PairDataPreprocessor', 'ShapeDataPreprocessor']
