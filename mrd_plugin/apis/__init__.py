"""What a person calls from Python."""

from mrd_plugin.apis.export import export_backbone
from mrd_plugin.apis.weights import Encoder, import_checkpoint, load_backbone, load_encoder

__all__ = [
    'Encoder',
    'export_backbone',
    'import_checkpoint',
    'load_backbone',
    'load_encoder',
]
