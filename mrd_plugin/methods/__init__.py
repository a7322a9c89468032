"""A file or a folder per method: its pre-trainer, losses and heads in one place.

Importing this package registers all of them. Methods never import one another: what two of them
need is in ``base_shape``, ``base_lidar`` or ``contrast``.
"""

from mrd_plugin.methods.cmcr import CMCR
from mrd_plugin.methods.kd2d import ConceptDistiller
from mrd_plugin.methods.mixcon3d import MixCon3D
from mrd_plugin.methods.mrd import MRD
from mrd_plugin.methods.openshape import ShapeAligner
from mrd_plugin.methods.ppkt import PPKT
from mrd_plugin.methods.scalr import ScaLR
from mrd_plugin.methods.slidr import SLidR
from mrd_plugin.methods.st_slidr import STSLidR
from mrd_plugin.methods.tamm import TAMM, TAMMImageAdapter

__all__ = [
    'CMCR',
    'ConceptDistiller',
    'MRD',
    'MixCon3D',
    'PPKT',
    'STSLidR',
    'ScaLR',
    'ShapeAligner',
    'SLidR',
    'TAMM',
    'TAMMImageAdapter',
]
