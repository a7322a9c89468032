"""Backbones from files: published checkpoints, converted ones and those of our own trainings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from mrd_plugin.engine import backbone_weights, load_weights, read_checkpoint
from mrd_plugin.engine.checkpoints.module_config import build_module, module_configs
from mrd_plugin.engine.checkpoints.writing import SUFFIXES, write_weights
from mrd_plugin.engine.converters import FACTS, LIDAR_FACTS, convert
from mrd_plugin.utils.errors import CheckpointError, ConfigError

WEIGHT_FOLDERS = (Path('weights'), Path('~/.cache/mrd_plugin/weights'))


class Encoder(NamedTuple):
    """What a checkpoint holds for use: ``head(backbone(points))`` is an embedding."""

    backbone: nn.Module
    """Maps points ``(B, N, C)`` to ``(B, out_channels)``; in eval mode."""
    head: nn.Module | None
    """Into the space of the teacher, ``(B, D)``, if the file has it; TAMM's gives two, one aligned
    with images and one with texts. In eval mode."""
    meta: dict[str, Any]
    """``geometry`` says how the points must look; ``published`` where the weights are from."""
    report: str
    """What became of each tensor."""


def load_encoder(
    source: str | Path,
    family: str | None = None,
    settings: Mapping[str, Any] | None = None,
    map_location: str | torch.device = 'cpu',
) -> Encoder:
    """Load backbone and head.

    Args:
        source: A file (a published one as it was downloaded, one that ``import_checkpoint`` or
            ``export_backbone`` wrote, or a checkpoint of a training with this package), or the name
            of a family, such as ``'openshape-pointbert-vitg14'``, whose file is here already.
        family: For a published file, what it is believed to be.
        settings: For a published file, what its weights and the table do not tell; see
            :func:`mrd_plugin.engine.converters.convert`.
        map_location: Device of the modules.

    Returns:
        The modules with all of their weights, and what is known of them.

    Raises:
        FileNotFoundError: There is no such file and no such family, or a family's file is not here.
        CheckpointError: The file can't be read or is not understood, or a part of it does not fit.
        ConfigError: ``family`` or a key of ``settings`` does not exist.
    """
    path = find_weights(source)
    content = read_checkpoint(path)
    meta = content['meta'] if isinstance(content.get('meta'), dict) else {}
    try:
        configs = module_configs(meta)
        if 'backbone' not in configs:
            converted = convert(content, path, family, settings)
            report, state, meta = converted.report, converted.state_dict, converted.meta
            configs = module_configs(meta)
        else:
            if family or settings:
                raise ConfigError(f'{path} knows its own settings; leave family and settings away.')
            report, state = '', content.get('state_dict', {})
        modules = {part: build_module(configs[part]) for part in configs}
        for part, module in modules.items():
            loaded = _load_all(part, module, state)
            report = report or f'{path.name}: {loaded}'
            module.to(map_location).eval()
    except CheckpointError as error:
        text = str(error).replace('\n', '; ')
        raise CheckpointError(text if text.startswith(str(path)) else f'{path}: {text}') from error
    return Encoder(modules['backbone'], modules.get('head'), dict(meta), report)


def load_backbone(
    source: str | Path,
    family: str | None = None,
    settings: Mapping[str, Any] | None = None,
    map_location: str | torch.device = 'cpu',
) -> nn.Module:
    """Return the backbone of :func:`load_encoder`, which has the arguments and the errors.

    Examples:
        >>> import tempfile
        >>> from mrd_plugin.engine.checkpoints.writing import write_weights
        >>> from mrd_plugin.models.backbones import PointBERT
        >>> config = dict(in_channels=3, dim=32, depth=1, num_heads=2, num_groups=8, group_size=4)
        >>> trained = PointBERT(**config).eval()
        >>> with tempfile.TemporaryDirectory() as folder:  # as export_backbone writes it
        ...     meta = dict(backbone=dict(type='PointBERT', **config))
        ...     path = write_weights(trained.state_dict(), meta, folder, 'mine')
        ...     backbone = load_backbone(path)
        >>> points = torch.rand(1, 50, 3)
        >>> torch.equal(backbone(points), trained(points))
        True
    """
    return load_encoder(source, family, settings, map_location).backbone


def import_checkpoint(
    path: str | Path,
    folder: str | Path = 'weights',
    family: str | None = None,
    settings: Mapping[str, Any] | None = None,
    suffix: str = '.safetensors',
) -> tuple[Path, str]:
    """Translate a published checkpoint into a file that mm configs can name.

    Returns the new file and the report.

    Args:
        path: The published file.
        folder: Where the new one goes.
        family: What the file is believed to be; another one is refused.
        settings: What weights and table do not tell; see
            :func:`mrd_plugin.engine.converters.convert`.
        suffix: ``'.safetensors'`` or ``'.pth'``.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: As in :func:`load_encoder`.
        ConfigError: ``family``, a key of ``settings`` or ``suffix`` does not exist.
    """
    converted = convert(read_checkpoint(path), path, family, settings)
    state, meta, name = converted.state_dict, converted.meta, converted.family
    return write_weights(state, meta, folder, name, suffix), converted.report


def find_weights(source: str | Path) -> Path:
    """Return the file that a path or the name of a family refers to.

    Raises:
        FileNotFoundError: It is not on this machine; the message says where it can be got.
    """
    path = Path(source).expanduser()
    if path.is_file():
        return path
    known = {**FACTS, **LIDAR_FACTS}
    facts = known.get(str(source))
    if facts is None:
        raise FileNotFoundError(
            f'{source}: there is no such file, and none of the names {", ".join(known)}.'
        )
    for folder in WEIGHT_FOLDERS:
        for suffix in SUFFIXES:
            files = sorted(folder.expanduser().glob(f'{source}-[0-9a-f]*{suffix}'))
            if files:
                return files[-1]
    if facts.hub:
        from huggingface_hub import try_to_load_from_cache

        repository, name, kind = facts.hub
        cached = try_to_load_from_cache(repository, name, repo_type=kind)
        if isinstance(cached, str):
            return Path(cached)
        get = f'hf download {repository} {name}' + (
            '' if kind == 'model' else f' --repo-type {kind}'
        )
        get += f' ({facts.where})' if facts.where else ''
    else:
        get = f'download {facts.where}'
    raise FileNotFoundError(
        f'{source}: the weights of {facts.title} are not here; {get}, then give the path of the '
        'file, or write it to weights/ with tools/model_converters/import_checkpoint.py.'
    )


def _load_all(part: str, module: nn.Module, state: Mapping[str, torch.Tensor]) -> str:
    """Load ``<part>.*``, or a bare part; refuse what is missing, left over or of another shape."""
    own = backbone_weights(state, f'{part}.')
    report = load_weights(module, own, min_coverage=1.0)
    if report.unexpected:
        raise CheckpointError(
            f'its {part} has tensors that {type(module).__name__} lacks: {report}'
        )
    return str(report)
