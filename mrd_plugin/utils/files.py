"""Checksums of files, and where a file that a config names is found."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from mrd_plugin.utils.errors import ConfigError

PREFIX = 'mrd_plugin::'
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
    """Find a file named in a config: as it is, below ``data_root``, or shipped with the package.

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
    found = _first_file(name, places)
    if found:
        return found
    below = f' nor below data_root={data_root!r}' if data_root else ''
    raise ConfigError(
        f'{key}={name!r}: there is no such file, neither from the working directory{below}, nor in '
        'the package; correct the key or fetch the data.'
    )


def find_config(name: str | Path) -> str:
    """Find a config file: as it stands, ``mrd_plugin::...``, or ``configs/...`` of the package.

    Args:
        name: A path, from the working directory or from the root of the project, or a name below
            ``configs/`` after ``mrd_plugin::``.

    Returns:
        A path that exists.

    Raises:
        FileNotFoundError: If it is at none of these places.
    """
    name = str(name)
    path = f'configs/{name[len(PREFIX) :]}' if name.startswith(PREFIX) else name
    found = _first_file(path, _SHIPPED if name.startswith(PREFIX) else (Path(), *_SHIPPED))
    if not found:
        raise FileNotFoundError(
            f'{name}: there is no such config, neither here nor in the package; those of the '
            f'package are below {_SHIPPED[-1] / "configs"}.'
        )
    return found


def _first_file(name: str | Path, places: Sequence[Path]) -> str | None:
    return next((str(place / name) for place in places if (place / name).is_file()), None)
