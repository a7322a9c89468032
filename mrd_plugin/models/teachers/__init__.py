"""Frozen encoders that give the targets of a distillation."""

from mrd_plugin.models.teachers.base import PatchTargets, Teacher, TeacherTargets, ViewTargets
from mrd_plugin.models.teachers.cache_writer import CacheRequest, write_cache
from mrd_plugin.models.teachers.cached import CachedTeacher
from mrd_plugin.models.teachers.conse import ConSETeacher
from mrd_plugin.models.teachers.frozen import Frozen, FrozenModule
from mrd_plugin.models.teachers.image_backbone import ImageBackboneTeacher, ResNetImageTeacher
from mrd_plugin.models.teachers.image_lite import EfficientNetLiteTeacher
from mrd_plugin.models.teachers.image_vit import ViTImageTeacher
from mrd_plugin.models.teachers.open_clip_teacher import OpenCLIPTeacher
from mrd_plugin.models.teachers.prompts import TEMPLATE_SETS, fill_prompts, get_templates
from mrd_plugin.models.teachers.sample_feature import SampleFeatureTeacher

__all__ = [
    'CacheRequest',
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
    'write_cache',
]
