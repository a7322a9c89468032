from mrd_plugin.models.losses.align_loss import AlignLoss
from mrd_plugin.models.losses.hard_negative_loss import HardNegativeAlignLoss
from mrd_plugin.models.losses.mixcon3d_loss import MixCon3DLoss
from mrd_plugin.models.losses.mrd_loss import MRDLoss
from mrd_plugin.models.losses.teacher_weights import AgreementWeights, TeacherMix
from mrd_plugin.models.losses.weighting import FixedWeights, LossLevelSoftmax, UncertaintyWeights

__all__ = [
    'AgreementWeights',
    'AlignLoss',
    'FixedWeights',
    'HardNegativeAlignLoss',
    'LossLevelSoftmax',
    'MRDLoss',
    'MixCon3DLoss',
    'TeacherMix',
    'UncertaintyWeights',
]
