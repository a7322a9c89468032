"""A pre-training checkpoint without what was needed for pre-training only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mrd_plugin.engine import read_checkpoint
from mrd_plugin.engine.checkpoints.module_config import module_configs
from mrd_plugin.engine.checkpoints.writing import write_weights
from mrd_plugin.utils.errors import CheckpointError, ConfigError
from mrd_plugin.version import __version__

_PREFIX = 'backbone.'


def export_backbone(
    checkpoint: str | Path,
    folder: str | Path = 'weights',
    suffix: str = '.safetensors',
    name: str | None = None,
) -> Path:
    """Write the bare backbone of a pre-training checkpoint.

    The tensors have the backbone's own names. Where the run kept a moving average of its weights,
    these are its tensors: MMEngine's ``EMAHook`` evaluates the average and saves it as
    ``state_dict``.

    Args:
        checkpoint: What a training with this package saved.
        folder: Where the new file goes.
        suffix: ``'.safetensors'`` or ``'.pth'``.
        name: What the file's name begins with. Defaults to None: the name of the config.

    Returns:
        ``<name>-<8 digits of its SHA-256><suffix>``. Its ``meta`` holds ``backbone`` (the config),
        ``geometry`` (how points must look), ``mrd_plugin_version``, ``config_name`` (the
        pre-training config's name) and ``source`` (the checkpoint's name).

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It can't be read, holds no backbone, or does not say how points must look.
        ConfigError: Another suffix, or a name with folders.
    """
    if name and Path(name).name != name:
        raise ConfigError(
            f'--name {name}: expected the beginning of a file name; the folder goes to --out-dir.'
        )
    path = Path(checkpoint).expanduser()
    content = read_checkpoint(path)
    named = content.get('state_dict', content)
    state = {key[len(_PREFIX) :]: value for key, value in named.items() if key.startswith(_PREFIX)}
    if not state:
        raise CheckpointError(
            f'{path}: holds no backbone (no tensor below {_PREFIX!r}; its names look like '
            f'{next(iter(named), "nothing")!r}), so there is nothing to export; give the '
            'checkpoint of a pre-training run.'
        )
    meta = content['meta'] if isinstance(content.get('meta'), dict) else {}
    try:
        config = module_configs(meta).get('backbone') or {}
    except CheckpointError as error:
        raise CheckpointError(f'{path}: {error}') from error
    config.pop('init_cfg', None)
    lacks = [
        key for key, value in (('geometry', meta.get('geometry')), ('cfg', config)) if not value
    ]
    if lacks:
        raise CheckpointError(
            f'{path}: its meta lacks {" and ".join(lacks)}, so nobody could tell how the points '
            'must look; '
            'give a checkpoint that AtomicCheckpointHook wrote, or translate a published one with '
            'tools/model_converters/import_checkpoint.py.'
        )
    source = config_name(meta) or path.stem
    facts = dict(
        backbone=config,
        geometry=meta['geometry'],
        mrd_plugin_version=__version__,
        config_name=source,
        source=path.name,
    )
    return write_weights(state, facts, folder, name or f'{_file_name(source)}_backbone', suffix)


def config_name(meta: dict[str, Any]) -> str:
    """Name of the config that a checkpoint's run was started with; empty if it does not say.

    Runs are named after the config or the work_dir and a time; the time is taken off.
    """
    if meta.get('config_name'):
        return str(meta['config_name'])
    return re.sub(r'(_\d{6,})+$', '', str(meta.get('experiment_name') or ''))


def _file_name(config: str) -> str:
    """``cmcr/minkunet18_zod-sample.py`` as the beginning of a file name."""
    return re.sub(r'[^\w.-]+', '_', config.removesuffix('.py')).strip('_') or 'model'
