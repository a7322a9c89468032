"""Heads: what stands between a backbone and a teacher, or a backbone and classes."""

from mrd_plugin.models.heads.classification_head import ClassificationHead
from mrd_plugin.models.heads.projection_heads import ImageHead, ProjectionHead
from mrd_plugin.models.heads.prompt_classifier import PromptClassifier

__all__ = [
    'ClassificationHead',
    'ImageHead',
    'ProjectionHead',
    'PromptClassifier',
]
