"""Heads between a backbone and a teacher."""

from mrd_plugin.models.heads.projection_heads import ImageHead, ProjectionHead
from mrd_plugin.models.heads.prompt_classifier import PromptClassifier

__all__ = [
    'ImageHead',
    'ProjectionHead',
    'PromptClassifier',
]
