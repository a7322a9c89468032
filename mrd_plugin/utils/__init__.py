"""Errors, files, numbers: what has nothing to do with 3D."""
