from mrd_plugin.models.losses.align_loss import AlignLoss
from mrd_plugin.models.losses.chamfer import chamfer_distance
from mrd_plugin.models.losses.code_matching import code_log_probabilities, code_matching
from mrd_plugin.models.losses.code_usage import agreement, perplexity, rate_by_kind
from mrd_plugin.models.losses.commitment import commitment
from mrd_plugin.models.losses.concept_loss import ConceptLoss, pool_patches
from mrd_plugin.models.losses.decoupling import cross_moment, moment_kl, moment_sums, orthogonality
from mrd_plugin.models.losses.dual_align_loss import DualAlignLoss
from mrd_plugin.models.losses.hard_negative_loss import HardNegativeAlignLoss
from mrd_plugin.models.losses.masked_image_loss import image_error, masked_psnr
from mrd_plugin.models.losses.mixcon3d_loss import MixCon3DLoss
from mrd_plugin.models.losses.mrd_loss import MRDLoss
from mrd_plugin.models.losses.occupancy_loss import OccupancySums, occupancy_sums
from mrd_plugin.models.losses.pair_contrast import Contrast, pair_info_nce
from mrd_plugin.models.losses.semantic_tolerance import tolerant_info_nce
from mrd_plugin.models.losses.teacher_weights import AgreementWeights, TeacherMix
from mrd_plugin.models.losses.unit_distance import unit_distance
from mrd_plugin.models.losses.weighting import FixedWeights, LossLevelSoftmax, UncertaintyWeights

__all__ = [
    'AgreementWeights',
    'AlignLoss',
    'ConceptLoss',
    'Contrast',
    'DualAlignLoss',
    'FixedWeights',
    'HardNegativeAlignLoss',
    'LossLevelSoftmax',
    'MRDLoss',
    'MixCon3DLoss',
    'OccupancySums',
    'TeacherMix',
    'UncertaintyWeights',
    'agreement',
    'chamfer_distance',
    'code_log_probabilities',
    'code_matching',
    'commitment',
    'cross_moment',
    'image_error',
    'masked_psnr',
    'moment_kl',
    'moment_sums',
    'occupancy_sums',
    'orthogonality',
    'pair_info_nce',
    'perplexity',
    'pool_patches',
    'rate_by_kind',
    'tolerant_info_nce',
    'unit_distance',
]
