"""Data sets of shapes, of sweeps with pictures, and the transforms of their samples."""

from mrd_plugin.datasets import samplers, transforms  # noqa: F401
from mrd_plugin.datasets.classification import (
    ModelNet40Classification,
    ScanObjectNNClassification,
)
from mrd_plugin.datasets.furniture_dataset import FurnitureDataset
from mrd_plugin.datasets.lidar import (
    KITTIPairs,
    NuScenesPairs,
    NuScenesSegmentation,
    PairDataset,
    SemanticKITTI,
    ZODSamplePairs,
)
from mrd_plugin.datasets.openshape import OpenShapeDataset
from mrd_plugin.datasets.shape_dataset import ShapeDataset
from mrd_plugin.datasets.shape_folder import ShapeFolderDataset
from mrd_plugin.datasets.shapenet_part import ShapeNetPart
from mrd_plugin.datasets.sunrgbd_pairs import SUNRGBDPairs
from mrd_plugin.datasets.text_image_policy import TextImagePolicy
from mrd_plugin.datasets.zero_shot import (
    ModelNet40Dataset,
    ObjaverseLVISDataset,
    ScanObjectNNDataset,
    load_class_features,
)

__all__ = [
    'FurnitureDataset',
    'KITTIPairs',
    'ModelNet40Classification',
    'ModelNet40Dataset',
    'NuScenesPairs',
    'NuScenesSegmentation',
    'ObjaverseLVISDataset',
    'OpenShapeDataset',
    'PairDataset',
    'SUNRGBDPairs',
    'ScanObjectNNClassification',
    'ScanObjectNNDataset',
    'SemanticKITTI',
    'ShapeDataset',
    'ShapeFolderDataset',
    'ShapeNetPart',
    'TextImagePolicy',
    'ZODSamplePairs',
    'load_class_features',
]
