"""What the command-line tools share between the command line and MMEngine's Runner.

Flags that training and testing have in common, checks of configs, checkpoints and data folders
before anything is built, the Runner itself, and errors that end with one sentence and exit code 1:
among them what a registry could not build, since an option or a type is misspelt.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import os
import re
import sys
import time
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mmengine
from mmengine.config import Config
from mmengine.registry import DATASETS, RUNNERS
from mmengine.runner import Runner

from mrd_plugin.compat import mmengine_cpu_distributed
from mrd_plugin.engine import NonFiniteLossError
from mrd_plugin.utils.arguments import add_config_options
from mrd_plugin.utils.atomic import DiskFullError
from mrd_plugin.utils.errors import (
    BadSampleError,
    CheckpointError,
    ConfigError,
    SourceError,
    TrainingError,
)
from mrd_plugin.utils.files import find_config

RECOVERABLE = (
    ConfigError,
    BadSampleError,
    CheckpointError,
    NonFiniteLossError,
    TrainingError,
    SourceError,
    DiskFullError,
    OSError,
)
PATH_FAULTS: dict[type[OSError], str] = {
    FileNotFoundError: 'there is no such file or folder.',
    NotADirectoryError: 'this path leads through a file that is no folder; name another one.',
    FileExistsError: 'a file of this name is in the way of the folder; name another one.',
    IsADirectoryError: 'this is a folder; name a file.',
    PermissionError: 'you have no permission for this; name another path.',
}


def add_common_arguments(parser: ArgumentParser) -> None:
    """Add the flags that training and testing have in common."""
    parser.add_argument(
        '--work-dir', help='where logs and checkpoints go (default work_dirs/<config>)'
    )
    add_config_options(parser)
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='who started the processes (tools/dist_*.sh and tools/slurm_train.sh set it)',
    )
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0, help='set by launchers'
    )


def find_configs(*names: str | Path) -> list[str]:
    """Find config files, see :func:`find_config`, and make sure that they are Python.

    Raises:
        FileNotFoundError: There is no such config; names the first.
        ConfigError: A ``.py`` config has a syntax error; names the line.
    """
    paths = [find_config(name) for name in names]
    for path in paths:
        if not path.endswith('.py'):
            continue
        try:
            ast.parse(Path(path).read_text(encoding='utf-8'))
        except SyntaxError as error:
            raise ConfigError(f'{path}, line {error.lineno}: {error.msg}; fix it.') from error
    return paths


def require_checkpoints(*paths: str | Path) -> None:
    """Make sure that checkpoint files exist; web addresses are left to the download.

    Raises:
        FileNotFoundError: There is no such checkpoint; names the first.
    """
    for path in paths:
        if '://' not in str(path) and not Path(path).is_file():
            raise FileNotFoundError(f'{path}: there is no such checkpoint.')


def read_config(args: Namespace) -> Config:
    """Read the config that a command line names, with its ``--cfg-options`` if it has any.

    ``args.config`` becomes a path that exists.

    Raises:
        FileNotFoundError: There is no such config.
        ConfigError: It has a syntax error.
    """
    (args.config,) = find_configs(args.config)
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(getattr(args, 'cfg_options', None) or {})
    return cfg


def load_config(args: Namespace, name: str | None = None) -> Config:
    """Read the config that a command line names, with the flags of :func:`add_common_arguments`.

    Its ``work_dir`` and ``launcher`` are set.

    Args:
        args: Has ``config``, ``work_dir``, ``cfg_options``, ``launcher`` and ``local_rank``.
        name: Folder below ``work_dirs`` if neither ``args`` nor the config has a ``work_dir``.
            Defaults to None: the name of the config.

    Raises:
        FileNotFoundError: There is no such config.
        ConfigError: It has a syntax error.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args)
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / (name or Path(args.config).stem))
    return cfg


def require_data(cfg: Config, *loaders: str) -> None:
    """Stop before anything is built if a data folder is missing and it is known how to get it.

    Args:
        cfg: May hold ``data_help``, a text on what the data are, how large, and where they come
            from; without it the ``how_to_get`` of the data set's class is shown.
        *loaders: Keys of the loaders that will be used.

    Raises:
        ConfigError: With the key, the missing folder and how to get it.
    """
    for loader in loaders:
        where, dataset = f'{loader}.dataset', (cfg.get(loader) or {}).get('dataset') or {}
        while 'dataset' in dataset:
            where, dataset = f'{where}.dataset', dataset['dataset']
        root = dataset.get('data_root')
        if not root or Path(root).is_dir():
            continue
        known = getattr(DATASETS.get(dataset['type']), 'how_to_get', '')
        if cfg.get('data_help') or known:
            advice = f'\n{cfg.data_help.strip()}' if cfg.get('data_help') else f' {known}'
            raise ConfigError(f'{where}.data_root={root!r}: there is no such folder;{advice}')


def build_runner(cfg: Config) -> Runner:
    """Build the config's runner, on CPU processes too."""
    mmengine_cpu_distributed.prepare(cfg)
    mmengine.mkdir_or_exist(cfg.work_dir)
    # MMEngine names a run by the second: two that one process starts quickly would share their logs
    cfg.setdefault('experiment_name', f'{Path(cfg.work_dir).name}_{time.time_ns()}')
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def sentence(error: BaseException) -> str:
    """Return the message of a recoverable error, without what libraries wrap around it."""
    if isinstance(error, OSError) and error.filename:
        return f'{error.filename}: {PATH_FAULTS.get(type(error), error.strerror)}'
    text = str(error).strip()
    if text.startswith('Caught ') and 'Original Traceback' in text:  # from a DataLoader worker
        text = text.splitlines()[-1].partition(': ')[2]
    return text


@contextmanager
def continued_later() -> Iterator[None]:
    """Say of work that was stopped or ran out of memory that the same command continues it."""
    try:
        yield
    except BrokenProcessPool:
        sys.exit(
            'Error: a worker process was killed, probably for want of memory; run the same command '
            'again with fewer --workers, it continues where it stopped.'
        )
    except KeyboardInterrupt:
        print('stopped; the same command continues.', file=sys.stderr)
        sys.exit(130)


@contextmanager
def one_sentence_errors() -> Iterator[None]:
    """Print errors that the user can fix without a traceback, and leave with exit code 1."""
    try:
        yield
    except RECOVERABLE as error:
        sys.exit(f'Error: {sentence(error)}')
    except (TypeError, KeyError) as error:
        explained = explain_build_error(error)
        if explained is None:
            raise
        sys.exit(f'Error: {explained}')


_UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")
_UNKNOWN = re.compile(r'(\w+) is not in the (\S+) registry')


def explain_build_error(error: BaseException) -> str | None:
    """Explain a misspelt option or type of a config, from what was raised.

    Returns the class, the word it does not know and the nearest one that it knows; None if the
    error is another, or if no registry was building anything: it is then a fault of code, and wants
    its traceback.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    building = [frame for frame in frames if frame.f_code.co_name == 'build_from_cfg']
    if not building:
        return None
    found = building[-1].f_locals
    option, kind = _UNEXPECTED.search(str(error)), _UNKNOWN.search(str(error))
    if isinstance(error, TypeError) and option and 'obj_cls' in found:
        name, known = option[1], _options(found['obj_cls'])
        subject = f'{found["obj_cls"].__name__} has no option {name!r}'
    elif isinstance(error, KeyError) and kind:
        name, known = kind[1], list(found['registry'].module_dict)
        subject = f'type={name!r} is not in the registry {kind[2]!r}'
    else:
        return None
    near = difflib.get_close_matches(name, known, n=1)
    hint = f' (did you mean {near[0]!r}?)' if near else ''
    return f'{subject}{hint}; correct the config or --cfg-options.'


def _options(cls: Any) -> list[str]:
    """Keyword arguments of a class and of those that it hands the rest to."""
    makers = [vars(one)['__init__'] for one in inspect.getmro(cls) if '__init__' in vars(one)]
    return [name for maker in makers for name in inspect.signature(maker).parameters]
