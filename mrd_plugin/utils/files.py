"""Small helpers around files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mrd_plugin.utils.errors import ConfigError

_PROJECT = Path(__file__).resolve().parents[2]
_SHIPPED = (_PROJECT, _PROJECT / 'mrd_plugin' / '.mim')


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's content as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()


def find_file(key: str, name: str, data_root: str | None = None) -> str:
    """Find a file named in a config: as it stands, below ``data_root``, or shipped with the project.

    Args:
        key: Config key, for the message.
        name: The path as configured.
        data_root: The data set's root, if there is one.

    Returns:
        A path that exists.

    Raises:
        ConfigError: If it is at none of these places.
    """
    places = [Path(), *([Path(data_root)] if data_root else []), *_SHIPPED]
    for place in places:
        if (place / name).is_file():
            return str(place / name)
    below = f' nor below data_root={data_root!r}' if data_root else ''
    raise ConfigError(
        f'{key}={name!r}: there is no such file, neither from the working directory{below}, nor in '
        'the package; correct the key or fetch the data.'
    )
