"""Data sets of shapes, of sweeps with images, and the transforms of their samples."""

from mrd_plugin.datasets import transforms  # noqa: F401
from mrd_plugin.datasets.lidar.kitti_pairs import KITTIPairs
from mrd_plugin.datasets.lidar.nuscenes_pairs import NuScenesPairs
from mrd_plugin.datasets.lidar.nuscenes_segmentation import NuScenesSegmentation
from mrd_plugin.datasets.lidar.pair_dataset import PairDataset
from mrd_plugin.datasets.lidar.semantickitti import SemanticKITTI
from mrd_plugin.datasets.lidar.zod_pairs import ZODSamplePairs
from mrd_plugin.datasets.shapes.furniture import FurnitureDataset
from mrd_plugin.datasets.shapes.labelled_clouds import load_class_features
from mrd_plugin.datasets.shapes.modelnet40 import ModelNet40Classification, ModelNet40Dataset
from mrd_plugin.datasets.shapes.openshape import ObjaverseLVISDataset, OpenShapeDataset
from mrd_plugin.datasets.shapes.scanobjectnn import ScanObjectNNClassification, ScanObjectNNDataset
from mrd_plugin.datasets.shapes.shape_dataset import ShapeDataset
from mrd_plugin.datasets.shapes.shape_folder import ShapeFolderDataset
from mrd_plugin.datasets.shapes.shapenet_part import ShapeNetPart
from mrd_plugin.datasets.shapes.sunrgbd import SUNRGBDPairs
from mrd_plugin.datasets.shapes.text_image_policy import TextImagePolicy

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
