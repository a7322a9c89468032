from mrd_plugin.structures.shape_data_sample import ShapeDataSample

__all__ = ['ShapeDataSample']
