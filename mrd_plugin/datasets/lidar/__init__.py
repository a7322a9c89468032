"""Data sets of sweeps with calibrated images, and of labelled sweeps."""
