"""Pre-trainers: one file a method."""

from mrd_plugin.models.pretrainers.base import BasePretrainer
from mrd_plugin.models.pretrainers.cmcr import CMCR
from mrd_plugin.models.pretrainers.concept_distiller import ConceptDistiller
from mrd_plugin.models.pretrainers.image_to_lidar import ImageToLiDAR
from mrd_plugin.models.pretrainers.mixcon3d import MixCon3D
from mrd_plugin.models.pretrainers.mrd import MRD
from mrd_plugin.models.pretrainers.ppkt import PPKT
from mrd_plugin.models.pretrainers.scalr import ScaLR
from mrd_plugin.models.pretrainers.shape_aligner import ShapeAligner
from mrd_plugin.models.pretrainers.slidr import SLidR
from mrd_plugin.models.pretrainers.st_slidr import STSLidR
from mrd_plugin.models.pretrainers.tamm import TAMM
from mrd_plugin.models.pretrainers.tamm_image_adapter import TAMMImageAdapter

__all__ = [
    'BasePretrainer',
    'CMCR',
    'ConceptDistiller',
    'ImageToLiDAR',
    'MRD',
    'MixCon3D',
    'PPKT',
    'SLidR',
    'STSLidR',
    'ScaLR',
    'ShapeAligner',
    'TAMM',
    'TAMMImageAdapter',
]
