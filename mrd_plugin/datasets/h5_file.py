"""Reading arrays from HDF5 files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrd_plugin.utils.errors import BadSampleError, ConfigError


def read_h5(path: str | Path, keys: Sequence[str]) -> list[np.ndarray]:
    """Read arrays of one file.

    Args:
        path: The ``.h5`` file.
        keys: Names of arrays at its root.

    Returns:
        The arrays, in the order of the keys.

    Raises:
        ConfigError: h5py is not installed.
        BadSampleError: The file is missing or damaged, or lacks a key.
    """
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(
            f'{path}: reading HDF5 files needs h5py; pip install -c requirements/constraints.txt '
            "-e '.[h5]'"
        ) from error
    if not Path(path).is_file():
        raise BadSampleError(f'{path}: there is no such file; fetch it again.')
    try:
        with h5py.File(path, 'r') as file:
            missing = [key for key in keys if key not in file]
            if missing:
                raise BadSampleError(
                    f'{path}: it has no {missing[0]!r}, its keys are {sorted(file)}; expected '
                    f'{list(keys)}.'
                )
            return [file[key][()] for key in keys]
    except OSError as error:
        raise BadSampleError(
            f'{path}: can not be read as HDF5 ({error}); it is truncated or damaged, fetch it again.'
        ) from error
