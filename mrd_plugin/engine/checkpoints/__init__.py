"""Checkpoints: reading, matching, describing, writing."""
