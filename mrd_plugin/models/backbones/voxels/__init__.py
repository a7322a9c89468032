"""Backbones of voxels, for sweeps and shapes."""
