"""Heads: what stands between a backbone and a teacher, or a backbone and classes."""

from mrd_plugin.models.heads.classification_head import ClassificationHead
from mrd_plugin.models.heads.clip_image_adapter import CLIPImageAdapter
from mrd_plugin.models.heads.codebook import Codebook, Quantised
from mrd_plugin.models.heads.concept_head import ConceptHead
from mrd_plugin.models.heads.dual_adapter import DualAdapter
from mrd_plugin.models.heads.image_decoder import ImageDecoder
from mrd_plugin.models.heads.image_head import ImageHead
from mrd_plugin.models.heads.occupancy_decoder import OccupancyDecoder
from mrd_plugin.models.heads.patch_reconstruction import PatchReconstructionHead
from mrd_plugin.models.heads.projection_head import ProjectionHead
from mrd_plugin.models.heads.prompt_classifier import PromptClassifier

__all__ = [
    'CLIPImageAdapter',
    'ClassificationHead',
    'Codebook',
    'ConceptHead',
    'DualAdapter',
    'ImageDecoder',
    'ImageHead',
    'OccupancyDecoder',
    'PatchReconstructionHead',
    'ProjectionHead',
    'PromptClassifier',
    'Quantised',
]
