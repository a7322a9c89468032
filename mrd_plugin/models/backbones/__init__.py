"""Backbones of the shape family."""

from mrd_plugin.models.backbones.point_bert import PointBERT
from mrd_plugin.models.backbones.point_patch_transformer import (
    PatchFeatures,
    PointPatchTransformer,
)

__all__ = ['PatchFeatures', 'PointBERT', 'PointPatchTransformer']
