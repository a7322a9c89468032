"""The Python interface: load backbones, import published checkpoints, export trained ones."""

from mrd_plugin.apis.export import export_backbone
from mrd_plugin.apis.weights import Encoder, import_checkpoint, load_backbone, load_encoder

__all__ = [
    'Encoder',
    'export_backbone',
    'import_checkpoint',
    'load_backbone',
    'load_encoder',
]
