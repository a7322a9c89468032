"""Local weight files of image backbones, under the names that their authors wrap around them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mrd_plugin.utils.errors import ConfigError

_CONTAINERS = ('state_dict', 'model', 'teacher', 'network')
# MoCo's query encoder, DINO's and mm's wrappings; the longest first.
_PREFIXES = ('module.encoder_q.', 'module.backbone.', 'module.', 'encoder_q.', 'backbone.')


def load_image_weights(
    network: nn.Module,
    path: str | Path,
    skip: Sequence[str] = (),
    adapt: Callable[..., dict[str, Tensor]] | None = None,
) -> None:
    """Load a whole network from a local file.

    Known wrappings are taken off: ``state_dict``, ``model``, ``teacher`` (DINO) or ``network``
    (oBoW) around the tensors and prefixes such as ``module.encoder_q.`` (MoCo) in their names.

    Args:
        network: Takes the weights; all of its tensors must be found.
        path: ``.safetensors``, or a PyTorch file of tensors and plain data.
        skip: Beginnings of names that the network has no use for, such as a classifier's.
        adapt: Given the tensors and the network, returns them in the network's form. Defaults to
            None.

    Raises:
        ConfigError: If the file is missing, can't be read or is of another network; names what is
            missing or left over.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f'model.teacher.weights: {path} is no file; put the weights there.')
    tensors = _without_prefix(_tensors(path))
    tensors = {name: value for name, value in tensors.items() if not name.startswith(tuple(skip))}
    if adapt is not None:
        tensors = adapt(tensors, network)
    own = network.state_dict()
    wrong = [name for name in own if name not in tensors and 'num_batches_tracked' not in name]
    wrong += [name for name in tensors if name not in own or own[name].shape != tensors[name].shape]
    if wrong:
        raise ConfigError(
            f'model.teacher.weights: {path} is not of {type(network).__name__} as the config has '
            f'it; {len(wrong)} of {len(own)} tensors are missing, left over or of another size, '
            f'such as {", ".join(wrong[:4])}.'
        )
    network.load_state_dict(tensors, strict=False)


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == '.safetensors':
            return load_file(path)
        content: Any = torch.load(path, map_location='cpu', weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"model.teacher.weights: {path} can't be read as tensors and plain data ({reason})."
        ) from error
    while isinstance(content, Mapping) and any(key in content for key in _CONTAINERS):
        content = next(content[key] for key in _CONTAINERS if key in content)
    if not isinstance(content, Mapping):
        raise ConfigError(f'model.teacher.weights: {path} holds no state dict.')
    return {name: value for name, value in content.items() if isinstance(value, Tensor)}


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors below the first known prefix that occurs, or all of them."""
    for prefix in _PREFIXES:
        below = {
            name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
        }
        if below:
            return below
    return tensors
