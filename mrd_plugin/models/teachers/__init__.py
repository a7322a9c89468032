"""Frozen encoders that give the targets of a distillation."""

from mrd_plugin.models.teachers.base import PatchTargets, Teacher, TeacherTargets, ViewTargets
from mrd_plugin.models.teachers.cached import CachedTeacher
from mrd_plugin.models.teachers.frozen import Frozen, FrozenModule
from mrd_plugin.models.teachers.images.efficientnet_lite_teacher import (
    EfficientNetLiteTeacher,
)
from mrd_plugin.models.teachers.images.image_backbone import (
    ImageBackboneTeacher,
    ResNetImageTeacher,
)
from mrd_plugin.models.teachers.images.vit_teacher import ViTImageTeacher
from mrd_plugin.models.teachers.prompts import TEMPLATE_SETS, fill_prompts, get_templates
from mrd_plugin.models.teachers.sample_feature import SampleFeatureTeacher
from mrd_plugin.models.teachers.vision_language.conse import ConSETeacher
from mrd_plugin.models.teachers.vision_language.open_clip_teacher import OpenCLIPTeacher

__all__ = [
    'CachedTeacher',
    'ConSETeacher',
    'EfficientNetLiteTeacher',
    'Frozen',
    'FrozenModule',
    'ImageBackboneTeacher',
    'OpenCLIPTeacher',
    'PatchTargets',
    'ResNetImageTeacher',
    'SampleFeatureTeacher',
    'TEMPLATE_SETS',
    'Teacher',
    'TeacherTargets',
    'ViTImageTeacher',
    'ViewTargets',
    'fill_prompts',
    'get_templates',
]
