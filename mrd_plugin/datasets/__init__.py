from mrd_plugin.datasets import transforms  # noqa: F401
from mrd_plugin.datasets.furniture_dataset import FurnitureDataset
from mrd_plugin.datasets.shape_dataset import ShapeDataset
from mrd_plugin.datasets.text_image_policy import TextImagePolicy

__all__ = ['FurnitureDataset', 'ShapeDataset', 'TextImagePolicy']
