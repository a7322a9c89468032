from mrd_plugin.datasets.transforms.center_scale_unit_ball import CenterScaleUnitBall
from mrd_plugin.datasets.transforms.choose_text_image import ChooseTextImage
from mrd_plugin.datasets.transforms.cuboid_drop import CuboidDrop
from mrd_plugin.datasets.transforms.frustum_crop import FrustumCrop
from mrd_plugin.datasets.transforms.load_pair import LoadPair
from mrd_plugin.datasets.transforms.load_shape import LoadShape
from mrd_plugin.datasets.transforms.load_superpixels import LoadSuperpixels, SLICSuperpixels
from mrd_plugin.datasets.transforms.load_sweep import LoadPointLabels, LoadSweep
from mrd_plugin.datasets.transforms.occupancy_queries import OccupancyQueries
from mrd_plugin.datasets.transforms.pack_image_text import PackImageText
from mrd_plugin.datasets.transforms.pack_pair import PackPairs, PackSweep
from mrd_plugin.datasets.transforms.pack_shape_inputs import PackShapeInputs
from mrd_plugin.datasets.transforms.pair_crop import ImageFlip, ImageResize, ResizedCrop
from mrd_plugin.datasets.transforms.pair_geometry import PointFlip, PointRotation
from mrd_plugin.datasets.transforms.pair_mask import PatchMask
from mrd_plugin.datasets.transforms.point_drop_to_first import PointDropToFirst
from mrd_plugin.datasets.transforms.random_colour import ColorDrop, ColourJitter
from mrd_plugin.datasets.transforms.random_geometry import (
    RandomAnisotropicScale,
    RandomMirror,
    RandomRotationZ,
    RandomScale,
    RandomShift,
    RandomSmallRotation,
)
from mrd_plugin.datasets.transforms.random_size import RandomSize
from mrd_plugin.datasets.transforms.sample_points import SamplePoints
from mrd_plugin.datasets.transforms.sample_views import SampleViews
from mrd_plugin.datasets.transforms.swap_yz import SwapYZ

__all__ = [
    'CenterScaleUnitBall',
    'ChooseTextImage',
    'ColorDrop',
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
