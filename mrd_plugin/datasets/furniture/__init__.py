from mrd_plugin.datasets.downloads import SourceError
from mrd_plugin.datasets.furniture.catalogue import CatalogueEntry, read_catalogues
from mrd_plugin.datasets.furniture.clusters import ClusterShape, find_clusters
from mrd_plugin.datasets.furniture.convert import convert_furniture
from mrd_plugin.datasets.furniture.source import find_catalogues
from mrd_plugin.datasets.furniture.splits import default_split, fold_splits

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
