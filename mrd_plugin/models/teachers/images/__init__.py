"""Frozen image networks that give maps of features."""
