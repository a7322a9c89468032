"""Downstream models: a pre-trained backbone with the head of a task."""

from mrd_plugin.models.downstream.part_segmentor import PartSegmentor
from mrd_plugin.models.downstream.point_segmentor import PointSegmentor
from mrd_plugin.models.downstream.shape_classifier import ShapeClassifier

__all__ = [
    'PartSegmentor',
    'PointSegmentor',
    'ShapeClassifier',
]
