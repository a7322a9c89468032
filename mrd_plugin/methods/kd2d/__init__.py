"""Concept distillation from an image encoder, without text."""

from mrd_plugin.methods.kd2d.concept_distiller import ConceptDistiller
from mrd_plugin.methods.kd2d.concepts import ConceptHead, ConceptLoss
from mrd_plugin.methods.kd2d.reconstruction import PatchReconstructionHead

__all__ = ['ConceptDistiller', 'ConceptHead', 'ConceptLoss', 'PatchReconstructionHead']
