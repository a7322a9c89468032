"""Data sets of shapes, and the files they read."""
