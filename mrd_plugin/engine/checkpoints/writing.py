"""Writing weights under a name that carries their hash, as mm model zoos do."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import file_sha256

SUFFIXES = ('.safetensors', '.pth')


def write_weights(
    state_dict: Mapping[str, torch.Tensor],
    meta: Mapping[str, Any],
    folder: str | Path,
    name: str,
    suffix: str = '.safetensors',
) -> Path:
    """Write weights and meta to ``<name>-<first 8 digits of the SHA-256><suffix>``.

    Args:
        state_dict: Tensors by name.
        meta: Plain data beside them.
        folder: Where to; made if need be.
        name: What the file's name begins with.
        suffix: ``.safetensors`` (meta as JSON in its header) or ``.pth`` (``state_dict`` and
            ``meta``).

    Returns:
        The file. The same content gives the same name.

    Raises:
        ConfigError: Another suffix.
    """
    if suffix not in SUFFIXES:
        raise ConfigError(f'suffix={suffix!r}: expected one of {", ".join(SUFFIXES)}.')
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # torch.save writes the name of its file into it: one name, or the hash would tell nothing
    temporary = folder / f'{name}{suffix}.tmp'
    # clones: the tensors of some files are windows on one storage, which would be written whole
    state = {key: tensor.contiguous().clone() for key, tensor in state_dict.items()}
    try:
        if suffix == '.pth':
            torch.save({'state_dict': state, 'meta': dict(meta)}, temporary)
        else:
            save_file(state, temporary, metadata={'meta': json.dumps(meta)})
        path = folder / f'{name}-{file_sha256(temporary)[:8]}{suffix}'
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
