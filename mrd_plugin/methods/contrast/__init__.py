"""What several methods share: InfoNCE, its row-blocked engine, point-pixel contrast."""

from mrd_plugin.methods.contrast.align_loss import AlignLoss
from mrd_plugin.methods.contrast.point_pixel import Contrast, pair_info_nce

__all__ = [
    'AlignLoss',
    'Contrast',
    'pair_info_nce',
]
