"""What the tools that fetch data have in common."""

from __future__ import annotations

import os
from pathlib import Path


class SourceError(RuntimeError):
    """Data could not be brought; the message says why and what to do."""


def default_cache() -> Path:
    """The user's folder for downloads."""
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return Path(base) / 'mrd_plugin' / 'downloads'
