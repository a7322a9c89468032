"""Transforms of samples: of shapes, and of sweeps with their images."""

from mrd_plugin.datasets.transforms.lidar.images import (
    ImageFlip,
    ImageResize,
    PatchMask,
    ResizedCrop,
)
from mrd_plugin.datasets.transforms.lidar.loading import (
    LoadPair,
    LoadPointLabels,
    LoadSuperpixels,
    LoadSweep,
    SLICSuperpixels,
)
from mrd_plugin.datasets.transforms.lidar.occupancy_queries import OccupancyQueries
from mrd_plugin.datasets.transforms.lidar.packing import PackPairs, PackSweep
from mrd_plugin.datasets.transforms.lidar.points import (
    CuboidDrop,
    FrustumCrop,
    PointFlip,
    PointRotation,
)
from mrd_plugin.datasets.transforms.shapes.geometry import (
    CenterScaleUnitBall,
    RandomAnisotropicScale,
    RandomMirror,
    RandomRotationZ,
    RandomScale,
    RandomShift,
    RandomSmallRotation,
    SwapYZ,
)
from mrd_plugin.datasets.transforms.shapes.loading import ChooseTextImage, LoadShape, SampleViews
from mrd_plugin.datasets.transforms.shapes.packing import PackImageText, PackShapeInputs
from mrd_plugin.datasets.transforms.shapes.points import (
    ColourDrop,
    ColourJitter,
    PointDropToFirst,
    RandomSize,
    SamplePoints,
)

__all__ = [
    'CenterScaleUnitBall',
    'ChooseTextImage',
    'ColourDrop',
    'ColourJitter',
    'CuboidDrop',
    'FrustumCrop',
    'ImageFlip',
    'ImageResize',
    'LoadPair',
    'LoadPointLabels',
    'LoadShape',
    'LoadSuperpixels',
    'LoadSweep',
    'OccupancyQueries',
    'PackImageText',
    'PackPairs',
    'PackShapeInputs',
    'PackSweep',
    'PatchMask',
    'PointDropToFirst',
    'PointFlip',
    'PointRotation',
    'RandomAnisotropicScale',
    'RandomMirror',
    'RandomRotationZ',
    'RandomScale',
    'RandomShift',
    'RandomSize',
    'RandomSmallRotation',
    'ResizedCrop',
    'SLICSuperpixels',
    'SamplePoints',
    'SampleViews',
    'SwapYZ',
]
