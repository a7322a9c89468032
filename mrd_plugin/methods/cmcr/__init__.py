"""Cross-modal comprehensive representation learning."""

from mrd_plugin.methods.cmcr.cmcr import CMCR
from mrd_plugin.methods.cmcr.codebook import Codebook
from mrd_plugin.methods.cmcr.decoders import ImageDecoder, OccupancyDecoder

__all__ = ['CMCR', 'Codebook', 'ImageDecoder', 'OccupancyDecoder']
