"""Metrics."""

from mrd_plugin.evaluation.accuracy import JointZeroShotAccuracy, ShapeAccuracy, ZeroShotAccuracy
from mrd_plugin.evaluation.iou import PartIoU, SemanticIoU
from mrd_plugin.evaluation.pair_terms import PairTerms
from mrd_plugin.evaluation.retrieval import CrossModalRetrieval

__all__ = [
    'CrossModalRetrieval',
    'JointZeroShotAccuracy',
    'PairTerms',
    'PartIoU',
    'SemanticIoU',
    'ShapeAccuracy',
    'ZeroShotAccuracy',
]
