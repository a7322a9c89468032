"""Reading checkpoints without running them, and finding the one to resume from.

``torch.load`` runs what a pickle asks for unless ``weights_only=True``, and with it refuses what
mmengine 0.10 writes: numpy values and its ``HistoryBuffer``, whose pickle calls
``builtins.getattr``. Here the numpy values are built by the stand-ins of
:mod:`mrd_plugin.utils.safe_pickle`, and a ``getattr`` of our own serves the names of
``HistoryBuffer``'s statistics methods and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import logging
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import HistoryBuffer, print_log

from mrd_plugin.utils.errors import CheckpointError
from mrd_plugin.utils.safe_pickle import (
    NUMPY_GLOBALS,
    PickledArray,
    PickledDtype,
    PickledObject,
    Served,
    UnsafePickleError,
    plain,
)

_HISTORY = 'mmengine.logging.history_buffer.HistoryBuffer'
_HISTORY_METHODS = ('min', 'max', 'current', 'mean')


class PickledHistory:
    """mmengine's ``HistoryBuffer`` as a pickle describes it: two arrays and a length."""

    log: Any
    count: Any
    max_length: int

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.log, self.count = state['_log_history'], state['_count_history']
        self.max_length = int(state['max_length'])


def _history_method(owner: Any, name: str) -> str:
    """Serve a pickle's ``getattr``: the name of a statistics method, never the method."""
    if owner is not PickledHistory or name not in _HISTORY_METHODS:
        raise UnsafePickleError(f'builtins.getattr of {name!r}')
    return name


class PickledNamespace(PickledObject):
    """An ``argparse.Namespace``, which ULIP keeps beside its weights: read as a dict."""

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.value = dict(state)


_ALLOWED: list[Any] = [
    *((stand_in, name) for name, stand_in in NUMPY_GLOBALS.items()),
    (PickledDtype, 'mrd_plugin.PickledDtype'),  # torch fills in the state of listed types only
    (PickledArray, 'mrd_plugin.PickledArray'),
    (PickledHistory, _HISTORY),
    (PickledNamespace, 'argparse.Namespace'),
    (Served(_history_method), 'builtins.getattr'),
    (Served(dict), 'mmengine.config.config.ConfigDict'),
]


def _history(value: Any) -> Any:
    """Return a ``HistoryBuffer`` from either form it has in a file; anything else as it is."""
    if isinstance(value, PickledHistory):
        return HistoryBuffer(plain(value.log), plain(value.count), value.max_length)
    if isinstance(value, dict) and set(value) == {'log', 'count', 'max_length'}:
        if value['log'].is_meta:  # shapes alone were asked for
            return value
        return HistoryBuffer(value['log'].numpy(), value['count'].numpy(), value['max_length'])
    return value


def _read_pth(path: Path, map_location: Any) -> Any:
    # Listing a stand-in under the name of a global came with torch 2.6; an older torch reads our
    # own checkpoints, which are plain data, and refuses those that name HistoryBuffer.
    listed = tuple(int(part) for part in torch.__version__.split('.')[:2]) >= (2, 6)
    with torch.serialization.safe_globals(_ALLOWED) if listed else contextlib.nullcontext():
        content = plain(torch.load(path, map_location=map_location, weights_only=True))
    if isinstance(content, dict) and isinstance(content.get('message_hub'), dict):
        scalars = content['message_hub'].get('log_scalars', {})
        for name in scalars:
            scalars[name] = _history(scalars[name])
    return content


def _read_safetensors(path: Path, map_location: Any) -> dict[str, Any]:
    from safetensors import safe_open

    device = str(map_location) if isinstance(map_location, (str, torch.device)) else 'cpu'
    shapes_only = device == 'meta'
    with safe_open(path, framework='pt', device='cpu' if shapes_only else device) as file:
        meta = json.loads((file.metadata() or {}).get('meta', '{}'))
        state = {
            name: torch.empty(file.get_slice(name).get_shape(), device='meta')
            if shapes_only
            else file.get_tensor(name)
            for name in file.keys()
        }
    return {'state_dict': state, 'meta': meta}


def read_checkpoint(
    path: str | Path, map_location: str | torch.device | Callable | None = 'cpu'
) -> dict[str, Any]:
    """Read a checkpoint and run nothing of it.

    Args:
        path: ``.safetensors`` (its ``meta`` entry is JSON), or any other name for what
            ``torch.save`` wrote: by this package, by mmengine, or a bare state dict.
        map_location: Where tensors go, as in ``torch.load``.

    Returns:
        The content. A ``.safetensors`` file gives ``state_dict`` and ``meta``.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The file is truncated, or asks for a class or function that a checkpoint
            does not need.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'{path}: there is no such checkpoint.')
    try:
        if path.suffix == '.safetensors':
            return _read_safetensors(path, map_location)
        content = _read_pth(path, map_location)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(path, error.__context__ or error)) from error
    except Exception as error:  # a file that is cut or forged may fail in any way
        reason = re.split(r'\.\s|\n', str(error) or type(error).__name__)[0]  # torch adds advice
        raise CheckpointError(
            f'{path}: can not be read as a checkpoint ({reason}); it is truncated or damaged, use '
            'another one.'
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f'{path}: expected a dict, got a {type(content).__name__}.')
    return content


def read_meta(path: str | Path) -> dict[str, Any]:
    """Read the ``meta`` of a checkpoint, empty if it has none, without its tensors in memory.

    Errors are those of :func:`read_checkpoint`.
    """
    meta = read_checkpoint(path, 'meta').get('meta')
    return meta if isinstance(meta, dict) else {}


def _refusal(path: Path, error: BaseException) -> str:
    """One sentence about a pickle that was refused."""
    reason = str(error) or 'something unknown'
    found = re.search(
        r'GLOBAL (\S+)', reason
    )  # torch's words; the rest is advice to trust the file
    if not found and re.search('Unsupported operand|invalid load key', reason):
        return (
            f'{path}: can not be read as a checkpoint; it is neither what torch.save writes nor '
            '.safetensors under that name.'
        )
    asks = found.group(1) if found else reason.splitlines()[0]
    return (
        f'{path}: refused, because its pickle asks for {asks}, and a checkpoint may hold tensors, '
        'numpy arrays, strings, numbers, lists and dicts only. If you trust the file, save its '
        'weights as .safetensors where it was made.'
    )


def find_resumable(work_dir: str | Path) -> Path | None:
    """Return the newest checkpoint of a run that can be read and resumed.

    The one that ``last_checkpoint`` names comes first, then ``epoch_*.pth`` and ``iter_*.pth`` from
    new to old. Each that can't be used is named in a warning; None if there is none to use.
    """
    work_dir = Path(work_dir)
    saved = [*work_dir.glob('epoch_*.pth'), *work_dir.glob('iter_*.pth')]
    candidates = sorted(saved, key=lambda path: path.stat().st_mtime, reverse=True)
    pointer = work_dir / 'last_checkpoint'
    named = pointer.read_text().strip() if pointer.is_file() else ''
    if named:
        last = Path(named) if Path(named).exists() else work_dir / Path(named).name
        candidates = [last, *(path for path in candidates if path.name != last.name)]
    for path in candidates:
        try:
            lacks = {'meta', 'message_hub', 'optimizer'} - set(read_checkpoint(path))
        except (CheckpointError, FileNotFoundError) as error:
            problem = str(error)
        else:
            if not lacks:
                return path
            problem = f'{path}: has no {" and no ".join(sorted(lacks))}.'
        print_log(f'Not resuming from a checkpoint: {problem}', 'current', level=logging.WARNING)
    return None
