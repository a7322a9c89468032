"""Transforms of shapes."""
