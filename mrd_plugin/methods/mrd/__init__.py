"""Multi-modal relation distillation."""

from mrd_plugin.methods.mrd.mrd import MRD, MRDLoss
from mrd_plugin.methods.mrd.weighting import (
    AgreementWeights,
    FixedWeights,
    LossLevelSoftmax,
    TeacherMix,
    UncertaintyWeights,
)

__all__ = [
    'AgreementWeights',
    'FixedWeights',
    'LossLevelSoftmax',
    'MRD',
    'MRDLoss',
    'TeacherMix',
    'UncertaintyWeights',
]
