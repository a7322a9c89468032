"""Transforms of sweeps and their images."""
