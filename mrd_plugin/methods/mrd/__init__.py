"""Multi-modal relation distillation; read ``mrd.py`` first."""

from mrd_plugin.methods.mrd.mrd import MRD, MRDLoss

__all__ = ['MRD', 'MRDLoss']
