"""Backbones: of shapes and rooms, and of sweeps (MinkUNetStudent, SparseEncoderStudent)."""

from mrd_plugin.models.backbones.points.patch_backbone import PatchBackbone, PatchTokens
from mrd_plugin.models.backbones.points.point_bert import PointBERT
from mrd_plugin.models.backbones.points.point_patch_transformer import PointPatchTransformer
from mrd_plugin.models.backbones.points.point_seeds import PointSeedBackbone
from mrd_plugin.models.backbones.points.point_view_transformer import PointViewTransformer
from mrd_plugin.models.backbones.points.pointnet2 import PointNet2Student
from mrd_plugin.models.backbones.points.uni3d_vit import Uni3DViT
from mrd_plugin.models.backbones.voxels.minkunet import MinkUNetStudent
from mrd_plugin.models.backbones.voxels.sparse_encoder import SparseEncoderStudent
from mrd_plugin.models.backbones.voxels.sparse_resnet import (
    SparseResNet11,
    SparseResNet18,
    SparseResNet34,
)

__all__ = [
    'MinkUNetStudent',
    'PatchBackbone',
    'PatchTokens',
    'PointBERT',
    'PointNet2Student',
    'PointPatchTransformer',
    'PointSeedBackbone',
    'PointViewTransformer',
    'SparseEncoderStudent',
    'SparseResNet11',
    'SparseResNet18',
    'SparseResNet34',
    'Uni3DViT',
]
