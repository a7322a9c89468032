"""Where a config lets a model's weights come from: each ``init_cfg``, and ``load_from``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from mrd_plugin.compat.spconv_weights import turn_kernels
from mrd_plugin.engine.checkpoints.matching import backbone_weights
from mrd_plugin.engine.checkpoints.reading import read_checkpoint
from mrd_plugin.utils.errors import CheckpointError, ConfigError


class Source(NamedTuple):
    """A file that a part of the model takes its weights from.

    Attributes:
        key: The config key that names the file.
        checkpoint: The file, a web address or a name of a model zoo.
        module: Path of the part below the model; empty for all of it.
        prefix: What the names of the part's tensors begin with in the file; empty for none.
    """

    key: str
    checkpoint: str
    module: str
    prefix: str

    @property
    def is_local(self) -> bool:
        """Whether the file is on this machine and not a web address or a name of a model zoo."""
        return '://' not in self.checkpoint

    def overlaps(self, other: Source) -> bool:
        """Whether the two would set the same tensors."""
        one, two = (f'{source.module}.'.lstrip('.') for source in (self, other))
        return one.startswith(two) or two.startswith(one)


class Contents(NamedTuple):
    """What a source holds.

    Attributes:
        state: The part's tensors, named and laid out as in the part.
        whole: All tensors of the file under the file's names.
        meta: The file's ``meta``.
    """

    state: dict[str, Tensor]
    whole: dict[str, Tensor]
    meta: dict[str, Any]


def find_sources(cfg: Mapping[str, Any], model: nn.Module) -> list[Source]:
    """Return what MMEngine loads into a model before training, in its order.

    Raises:
        ConfigError: An ``init_cfg`` below ``model`` reached no module, so nothing would be loaded.
    """
    found = [
        Source(f'model.{path}.init_cfg.checkpoint'.replace('..', '.'), checkpoint, path, prefix)
        for path, module in model.named_modules()
        for checkpoint, prefix in _pretrained(getattr(module, 'init_cfg', None))
    ]
    heard = {(source.checkpoint, source.prefix) for source in found}
    for key, checkpoint, prefix in _configured(cfg.get('model'), 'model'):
        if (checkpoint, prefix) not in heard:
            raise ConfigError(
                f"{key}.init_cfg=dict(type='Pretrained', checkpoint={checkpoint!r}) is ignored by "
                'the class '
                'of that module, which would stay untrained; take it away and load the file with '
                "default_hooks.pretrained=dict(type='PretrainedCoverageHook', checkpoint=..., "
                'module=...).'
            )
    found.reverse()
    if cfg.get('load_from'):
        found.append(Source('load_from', str(cfg['load_from']), '', ''))
    return found


def submodule(model: nn.Module, source: Source) -> nn.Module:
    """Return the part of the model that a source is for.

    Raises:
        ConfigError: There is none.
    """
    try:
        return model.get_submodule(source.module)
    except AttributeError as error:
        parts = ', '.join(name for name, _ in model.named_children())
        key = source.key.rpartition('.')[0]
        raise ConfigError(
            f'{key}.module={source.module!r}: {type(model).__name__} has no such part; its parts '
            f'are {parts}.'
        ) from error


def read_source(source: Source, own: Mapping[str, Tensor]) -> Contents:
    """Read a source's file, as MMEngine does: without the prefix, or without ``module.`` of DDP.

    Args:
        source: What to read.
        own: State dict of the part.

    Raises:
        ConfigError: There is no such file.
        CheckpointError: It can't be read, or it holds no tensor below an ``init_cfg``'s prefix.
    """
    if not source.is_local:
        content = CheckpointLoader.load_checkpoint(source.checkpoint, map_location='cpu')
    elif Path(source.checkpoint).is_file():
        content = read_checkpoint(source.checkpoint)
    else:
        scratch = 'take the init_cfg away' if '.init_cfg' in source.key else 'give None'
        raise ConfigError(
            f'{source.key}={source.checkpoint!r}: there is no such file; name the checkpoint of a '
            f'pre-training run, or {scratch} to train from scratch.'
        )
    meta, state = content.get('meta'), content.get('state_dict', content)
    whole = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    if source.prefix:
        taken = backbone_weights(whole, source.prefix)
        bare = not any(name.startswith(source.prefix) for name in whole)
        if bare and '.init_cfg' in source.key:  # with a prefix, MMEngine takes no bare backbone
            first = next(iter(whole), 'nothing')
            raise CheckpointError(
                f'{source.key}={source.checkpoint!r}: the file holds no tensor below '
                f'prefix={source.prefix!r} (its names look like {first!r}); correct '
                'init_cfg.prefix.'
            )
    else:
        taken = {re.sub(r'^module\.', '', name): value for name, value in whole.items()}
    return Contents(turn_kernels(own, taken), whole, meta if isinstance(meta, dict) else {})


def _pretrained(init_cfg: Any) -> Iterator[tuple[str, str]]:
    """Checkpoint and prefix of each ``Pretrained`` in an ``init_cfg``."""
    for one in init_cfg if isinstance(init_cfg, (list, tuple)) else [init_cfg]:
        if isinstance(one, Mapping) and one.get('type') in (
            'Pretrained',
            'PretrainedInit',
            PretrainedInit,
        ):
            prefix = one.get('prefix') or ''
            yield str(one['checkpoint']), prefix and f'{prefix.rstrip(".")}.'


def _configured(cfg: Any, key: str) -> Iterator[tuple[str, str, str]]:
    """Config key, checkpoint and prefix of each ``Pretrained`` at and below a config."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(cfg, Mapping):
        items = cfg.items()
        for checkpoint, prefix in _pretrained(cfg.get('init_cfg')):
            yield key, checkpoint, prefix
    elif isinstance(cfg, (list, tuple)):
        items = enumerate(cfg)
    for name, value in items:
        if name != 'init_cfg':
            yield from _configured(value, f'{key}.{name}')
