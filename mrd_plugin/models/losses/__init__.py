from mrd_plugin.models.losses.align_loss import AlignLoss
from mrd_plugin.models.losses.chamfer import chamfer_distance
from mrd_plugin.models.losses.concept_loss import ConceptLoss, pool_patches
from mrd_plugin.models.losses.dual_align_loss import DualAlignLoss
from mrd_plugin.models.losses.hard_negative_loss import HardNegativeAlignLoss
from mrd_plugin.models.losses.mixcon3d_loss import MixCon3DLoss
from mrd_plugin.models.losses.mrd_loss import MRDLoss
from mrd_plugin.models.losses.teacher_weights import AgreementWeights, TeacherMix
from mrd_plugin.models.losses.weighting import FixedWeights, LossLevelSoftmax, UncertaintyWeights

__all__ = [
    'AgreementWeights',
    'AlignLoss',
    'ConceptLoss',
    'DualAlignLoss',
    'FixedWeights',
    'HardNegativeAlignLoss',
    'LossLevelSoftmax',
    'MRDLoss',
    'MixCon3DLoss',
    'TeacherMix',
    'UncertaintyWeights',
    'chamfer_distance',
    'pool_patches',
]
