"""Experiments over several runs: folds, ladders, probes, reference rows."""
