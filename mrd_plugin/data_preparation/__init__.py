"""Makers of data: what runs once, before a training."""
