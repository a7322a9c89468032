"""Pre-trainers: one file a method."""

from mrd_plugin.models.pretrainers.base import BasePretrainer
from mrd_plugin.models.pretrainers.concept_distiller import ConceptDistiller
from mrd_plugin.models.pretrainers.mixcon3d import MixCon3D
from mrd_plugin.models.pretrainers.mrd import MRD
from mrd_plugin.models.pretrainers.shape_aligner import ShapeAligner
from mrd_plugin.models.pretrainers.tamm import TAMM
from mrd_plugin.models.pretrainers.tamm_image_adapter import TAMMImageAdapter

__all__ = [
    'BasePretrainer',
    'ConceptDistiller',
    'MRD',
    'MixCon3D',
    'ShapeAligner',
    'TAMM',
    'TAMMImageAdapter',
]
