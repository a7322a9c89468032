"""Where a file that a config names is found, how lists are read, and checksums of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.safe_pickle import load_plain_pickle

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


def read_json(path: str | Path, advice: str = 'correct the key or get the file again') -> Any:
    """Read a JSON file, whatever its name ends in; errors end with the advice.

    Raises:
        ConfigError: If it is of another kind.
        FileNotFoundError: If it isn't there.
    """
    try:
        return json.loads(Path(path).read_text(encoding='utf-8'))
    except ValueError as error:
        raise ConfigError(f'{path} is no JSON ({error}); {advice}.') from error


def read_infos(path: str | Path) -> dict[str, Any]:
    """Read an info file of MMDetection3D 1.1 or later, rows under ``data_list``, running nothing.

    Raises:
        ConfigError: If it is of another kind.
    """
    infos = load_plain_pickle(path)
    if not isinstance(infos, dict) or 'data_list' not in infos:
        raise ConfigError(
            f"{path} is no info file of MMDetection3D 1.1 or later (no 'data_list'); make it again "
            'with its tools/create_data.py, or convert it with its '
            'tools/dataset_converters/update_infos_to_v2.py.'
        )
    return infos


def find_file(key: str, name: str, data_root: str | None = None) -> str:
    """Find a file named in a config: as it is, below ``data_root``, or shipped with the package.

    Args:
        key: Config key, for the message.
        name: The path as configured.
        data_root: The data set's root, if there is one.

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
