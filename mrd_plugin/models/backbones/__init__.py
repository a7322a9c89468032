"""Backbones of the shape family."""

from mrd_plugin.models.backbones.patch_backbone import PatchBackbone, PatchTokens
from mrd_plugin.models.backbones.point_bert import PointBERT
from mrd_plugin.models.backbones.point_patch_transformer import PointPatchTransformer

__all__ = ['PatchBackbone', 'PatchTokens', 'PointBERT', 'PointPatchTransformer']
