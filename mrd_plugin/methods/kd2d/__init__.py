"""Concept distillation from an image encoder, without text."""

from mrd_plugin.methods.kd2d.concept_distiller import ConceptDistiller
from mrd_plugin.methods.kd2d.concepts import ConceptHead, ConceptLoss, pool_patches
from mrd_plugin.methods.kd2d.reconstruction import (
    MaskedCloud,
    PatchReconstructionHead,
    chamfer_distance,
    mask_patches,
)

__all__ = [
    'ConceptDistiller',
    'ConceptHead',
    'ConceptLoss',
    'MaskedCloud',
    'PatchReconstructionHead',
    'chamfer_distance',
    'mask_patches',
    'pool_patches',
]
