"""Pre-trainers: one file a method."""

from mrd_plugin.models.pretrainers.base import BasePretrainer
from mrd_plugin.models.pretrainers.concept_distiller import ConceptDistiller
from mrd_plugin.models.pretrainers.mrd import MRD
from mrd_plugin.models.pretrainers.shape_aligner import ShapeAligner

__all__ = ['MRD', 'BasePretrainer', 'ConceptDistiller', 'ShapeAligner']
