"""Metrics."""

from mrd_plugin.evaluation.classification import JointZeroShotAccuracy, ShapeAccuracy
from mrd_plugin.evaluation.pair_terms import PairTerms
from mrd_plugin.evaluation.part_iou import PartIoU
from mrd_plugin.evaluation.retrieval import CrossModalRetrieval
from mrd_plugin.evaluation.semantic_iou import SemanticIoU
from mrd_plugin.evaluation.zero_shot import ZeroShotAccuracy

__all__ = [
    'CrossModalRetrieval',
    'JointZeroShotAccuracy',
    'PairTerms',
    'PartIoU',
    'SemanticIoU',
    'ShapeAccuracy',
    'ZeroShotAccuracy',
]
