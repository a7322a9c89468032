"""Writing a converted checkpoint under a name that carries its hash, as mm model zoos do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from safetensors.torch import save_file

from mrd_plugin.engine.published.convert import Converted
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import file_sha256

SUFFIXES = ('.safetensors', '.pth')


def write_converted(converted: Converted, folder: str | Path, suffix: str = '.safetensors') -> Path:
    """Write weights and meta to ``<family>-<first 8 digits of the SHA-256><suffix>``.

    Args:
        converted: what :func:`convert` returned.
        folder: where to; made if need be.
        suffix: ``.safetensors`` (meta as JSON in its header) or ``.pth`` (``state_dict`` and ``meta``).

    Returns:
        The file. The same content gives the same name.

    Raises:
        ConfigError: another suffix.
    """
    if suffix not in SUFFIXES:
        raise ConfigError(f'suffix={suffix!r}: expected one of {", ".join(SUFFIXES)}.')
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # torch.save writes the name of its file into it: one name, or the hash would tell nothing
    temporary = folder / f'{converted.family}{suffix}.tmp'
    # clones: the tensors of some files are windows on one storage, which would be written whole
    state = {name: tensor.contiguous().clone() for name, tensor in converted.state_dict.items()}
    try:
        if suffix == '.pth':
            torch.save({'state_dict': state, 'meta': converted.meta}, temporary)
        else:
            save_file(state, temporary, metadata={'meta': json.dumps(converted.meta)})
        path = folder / f'{converted.family}-{file_sha256(temporary)[:8]}{suffix}'
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
