"""Weights that a second stage of training takes over from the first."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from mrd_plugin.engine.checkpoint import read_checkpoint
from mrd_plugin.utils.errors import CheckpointError, ConfigError


def find_first_stage(where: str | Path, key: str) -> Path:
    """The checkpoint that a config key names.

    Args:
        where: A checkpoint, or the work_dir of a first-stage run, of which the newest ``best_*.pth``
            is meant: what ``save_best`` chose.
        key: The config key, for the message.

    Raises:
        ConfigError: There is none.
    """
    path = Path(where)
    if path.is_dir():
        best = sorted(path.glob('best_*.pth'), key=lambda file: file.stat().st_mtime)
        if not best:
            raise ConfigError(
                f'{key}={str(where)!r}: that folder holds no best_*.pth; let the training of stage 1 '
                'finish (its config needs default_hooks.checkpoint.save_best), or name a checkpoint.'
            )
        return best[-1]
    if not path.is_file():
        raise ConfigError(
            f'{key}={str(where)!r}: there is no such checkpoint or work_dir; train stage 1 first, or '
            'set the key to where its result is.'
        )
    return path


def first_stage_weights(path: Path, prefix: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint below a prefix, without it.

    Raises:
        CheckpointError: There are none, or the file can't be read.
    """
    content = read_checkpoint(path)
    state = content.get('state_dict', content)
    found = {name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)}
    if not found:
        raise CheckpointError(
            f'{path}: it holds no tensor below {prefix!r}, so it is no checkpoint of stage 1 (its names '
            f'look like {next(iter(state), "nothing")!r}).'
        )
    return found
