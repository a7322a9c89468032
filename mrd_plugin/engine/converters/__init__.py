"""Published checkpoints, translated to this package's names."""

from mrd_plugin.engine.converters.convert import LAYOUTS, Converted, convert
from mrd_plugin.engine.converters.published_models import FACTS, LIDAR_FACTS, Facts

__all__ = [
    'FACTS',
    'LAYOUTS',
    'LIDAR_FACTS',
    'Converted',
    'Facts',
    'convert',
]
