"""Published checkpoints of the shape family, translated to this package's names."""

from mrd_plugin.engine.published.convert import LAYOUTS, Converted, convert
from mrd_plugin.engine.published.facts import FACTS, Facts
from mrd_plugin.engine.published.writing import SUFFIXES, write_converted

__all__ = ['FACTS', 'LAYOUTS', 'SUFFIXES', 'Converted', 'Facts', 'convert', 'write_converted']
