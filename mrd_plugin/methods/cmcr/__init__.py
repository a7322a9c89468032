"""Cross-modal comprehensive representation learning."""

from mrd_plugin.methods.cmcr.cmcr import CMCR
from mrd_plugin.methods.cmcr.codebook import Codebook, Quantised
from mrd_plugin.methods.cmcr.decoders import ImageDecoder, OccupancyDecoder
from mrd_plugin.methods.cmcr.losses import (
    OccupancySums,
    agreement,
    code_log_probabilities,
    code_matching,
    commitment,
    cross_moment,
    image_error,
    masked_psnr,
    moment_kl,
    moment_sums,
    occupancy_sums,
    orthogonality,
    perplexity,
    rate_by_kind,
)

__all__ = [
    'CMCR',
    'Codebook',
    'ImageDecoder',
    'OccupancyDecoder',
    'OccupancySums',
    'Quantised',
    'agreement',
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
    'perplexity',
    'rate_by_kind',
]
