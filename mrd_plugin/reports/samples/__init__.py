"""Drawn samples of a data set."""
