"""What a person calls from Python; the tools are thin command lines over it."""

from mrd_plugin.apis.weights import Encoder, import_checkpoint, load_backbone, load_encoder

__all__ = ['Encoder', 'import_checkpoint', 'load_backbone', 'load_encoder']
