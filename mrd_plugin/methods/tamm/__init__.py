"""TAMM: adapters of the image space, then two sub-spaces of the points."""

from mrd_plugin.methods.tamm.adapters import CLIPImageAdapter, DualAdapter
from mrd_plugin.methods.tamm.dual_align_loss import DualAlignLoss
from mrd_plugin.methods.tamm.stage1 import TAMMImageAdapter
from mrd_plugin.methods.tamm.stage2 import TAMM

__all__ = [
    'CLIPImageAdapter',
    'DualAdapter',
    'DualAlignLoss',
    'TAMM',
    'TAMMImageAdapter',
]
