"""Published checkpoints, translated to this package's names."""

from mrd_plugin.engine.published.convert import LAYOUTS, Converted, convert
from mrd_plugin.engine.published.facts import FACTS, Facts
from mrd_plugin.engine.published.lidar_facts import LIDAR_FACTS

__all__ = [
    'FACTS',
    'LAYOUTS',
    'LIDAR_FACTS',
    'Converted',
    'Facts',
    'convert',
]
