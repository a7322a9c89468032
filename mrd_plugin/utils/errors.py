"""The errors that a user sees as one sentence, and the folder that downloads are kept in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class BadSampleError(ValueError):
    """A sample that can't be used; the message names its file and what is wrong with it."""


class ConfigError(ValueError):
    """A config that can't work; the message names the key, what was got and what to do."""


class CheckpointError(ValueError):
    """A checkpoint that can't be used; the message names the file and what is wrong with it."""


class TrainingError(RuntimeError):
    """A training that another program started and that failed; the message names its log."""


class SourceError(RuntimeError):
    """Data could not be brought; the message says why and what to do."""


def first_names(names: Sequence[str], most: int) -> str:
    """Names for a message; of many the first ``most``, and how many more there are."""
    more = len(names) - most
    return ', '.join(names[:most]) + (f' and {more} more' if more > 0 else '')


def default_cache() -> Path:
    """Return the user's folder for downloads."""
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return Path(base) / 'mrd_plugin' / 'downloads'
