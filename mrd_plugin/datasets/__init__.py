"""Data sets of shapes, of sweeps with images, and the transforms of their samples."""

from mrd_plugin.datasets import transforms  # noqa: F401
from mrd_plugin.datasets.lidar.kitti_pairs import KITTIPairs
from mrd_plugin.datasets.lidar.nuscenes_pairs import NuScenesPairs
from mrd_plugin.datasets.lidar.nuscenes_segmentation import NuScenesSegmentation
from mrd_plugin.datasets.lidar.pair_dataset import PairDataset
from mrd_plugin.datasets.lidar.semantickitti import SemanticKITTI
from mrd_plugin.datasets.lidar.zod_pairs import ZODSamplePairs
from mrd_plugin.datasets.shapes.classification import (
    ModelNet40Classification,
    ScanObjectNNClassification,
)
from mrd_plugin.datasets.shapes.furniture import FurnitureDataset
from mrd_plugin.datasets.shapes.openshape import OpenShapeDataset
from mrd_plugin.datasets.shapes.shape_dataset import ShapeDataset
from mrd_plugin.datasets.shapes.shape_folder import ShapeFolderDataset
from mrd_plugin.datasets.shapes.shapenet_part import ShapeNetPart
from mrd_plugin.datasets.shapes.sunrgbd import SUNRGBDPairs
from mrd_plugin.datasets.shapes.text_image_policy import TextImagePolicy
from mrd_plugin.datasets.shapes.zero_shot import (
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
