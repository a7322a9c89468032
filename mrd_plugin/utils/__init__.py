"""Errors, files, arguments, logs: helpers that know nothing of 3D."""
