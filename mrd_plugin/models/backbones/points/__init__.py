"""Backbones of point clouds."""
