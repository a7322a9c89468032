"""The embedded set of 820 shapes: where it is from, and how it is made."""

from mrd_plugin.data_preparation.furniture.catalogue import CatalogueEntry, read_catalogues
from mrd_plugin.data_preparation.furniture.clusters import ClusterShape, find_clusters
from mrd_plugin.data_preparation.furniture.convert import convert_furniture
from mrd_plugin.data_preparation.furniture.source import find_catalogues
from mrd_plugin.data_preparation.furniture.splits import default_split, fold_splits
from mrd_plugin.utils.errors import SourceError

__all__ = [
    'CatalogueEntry',
    'ClusterShape',
    'SourceError',
    'convert_furniture',
    'default_split',
    'find_catalogues',
    'find_clusters',
    'fold_splits',
    'read_catalogues',
]
