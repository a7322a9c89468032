from mrd_plugin.structures.pair_batch import PairBatch
from mrd_plugin.structures.pair_data_sample import PairDataSample
from mrd_plugin.structures.shape_data_sample import ShapeDataSample

__all__ = ['PairBatch', 'PairDataSample', 'ShapeDataSample']
