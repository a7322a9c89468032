"""Sweeps of a LiDAR with the pictures that cameras took of the same place."""

from mrd_plugin.datasets.lidar.kitti_pairs import KITTIPairs
from mrd_plugin.datasets.lidar.nuscenes_pairs import NuScenesPairs
from mrd_plugin.datasets.lidar.nuscenes_segmentation import NuScenesSegmentation
from mrd_plugin.datasets.lidar.pair_dataset import PairDataset
from mrd_plugin.datasets.lidar.semantickitti import SemanticKITTI
from mrd_plugin.datasets.lidar.zod_pairs import ZODSamplePairs

__all__ = [
    'KITTIPairs',
    'NuScenesPairs',
    'NuScenesSegmentation',
    'PairDataset',
    'SemanticKITTI',
    'ZODSamplePairs',
]
