"""Pre-trainers: one file a method."""

from mrd_plugin.models.pretrainers.base import BasePretrainer
from mrd_plugin.models.pretrainers.mixcon3d import MixCon3D
from mrd_plugin.models.pretrainers.mrd import MRD
from mrd_plugin.models.pretrainers.shape_aligner import ShapeAligner

__all__ = ['MRD', 'BasePretrainer', 'MixCon3D', 'ShapeAligner']
