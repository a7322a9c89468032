"""Cross-validation over the furniture folds: run configs, collect metrics, compare in pairs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from mmengine.config import Config
from tqdm import tqdm

from mrd_plugin.utils.errors import ConfigError, TrainingError
from mrd_plugin.utils.files import find_config
from mrd_plugin.utils.training_log import read_training_log

TRAIN = ('-m', 'mrd_plugin.apis.train')
SPLITS = 'configs/_base_/datasets/furniture_splits'
MetricRows = dict[str, list[dict[str, float]]]
"""Row name of a table to the metrics of its runs."""

_MAX_STEM = 150  # characters of a file name


class Training(Protocol):
    """What :func:`run_all` can run: command lines, one per stage, and the folder they write to."""

    @property
    def scored(self) -> bool:
        """Whether its end is a validation by a metric of the task."""

    @property
    def folder(self) -> Path:
        """Work folder of the last stage."""

    def commands(self) -> list[list[str]]:
        """Command lines in their order."""


AnyTraining = TypeVar('AnyTraining', bound=Training)


@dataclass(frozen=True)
class FoldRun:
    """One training: a config on one fold with one seed.

    Attributes:
        config: Path of the config file.
        fold: 0 to 4.
        seed: Seed of initialisation, sampling and augmentation.
        part: ``'val'`` trains on the train part and scores the validation part, for choosing
            settings; ``'test'`` trains on train and validation together and scores the test part.
        out: Folder of all runs.
        options: Further ``key=value`` overrides, the same for all runs of a variant.
        first_stage_options: The same for the first stage of a method that has one.
        variant: Name of the row; the config's stem where there are no options.
        keep: Keep the last checkpoint; without it a run leaves metrics only.
    """

    config: str
    fold: int
    seed: int
    part: str
    out: str
    options: tuple[str, ...] = ()
    variant: str = ''
    first_stage_options: tuple[str, ...] = ()
    keep: bool = False

    @property
    def name(self) -> str:
        """Row name in the table."""
        return self.variant or Path(self.config).stem

    @property
    def scored(self) -> bool:
        """Each fold ends with zero-shot classification and retrieval."""
        return True

    @property
    def folder(self) -> Path:
        """Work folder of this run."""
        return Path(self.out) / self.part / self.name / f'fold{self.fold}_seed{self.seed}'

    def commands(self) -> list[list[str]]:
        """Return the command lines of the training, one per stage.

        A config whose ``first_stage`` names another config (TAMM) has two. The first trains on the
        train part of the fold and chooses its epoch on the validation part, never on the test part;
        its work_dir is handed to the second under ``first_stage.key``.
        """
        first_stage = Config.fromfile(find_config(self.config)).get('first_stage')
        if first_stage is None:
            return [self._command(self.config, self.folder, self.part, self.options)]
        folder = self.folder / 'first_stage'
        options = (*self.options, f'{first_stage.key}={folder}')
        return [
            self._command(find_config(first_stage.config), folder, 'val', self.first_stage_options),
            self._command(self.config, self.folder, self.part, options),
        ]

    def _command(self, config: str, folder: Path, part: str, options: tuple[str, ...]) -> list[str]:
        split = f'{SPLITS}/fold{self.fold}.json'
        train = '[train]' if part == 'val' else '[train,val]'
        return [
            sys.executable,
            *TRAIN,
            config,
            '--work-dir',
            str(folder),
            '--cfg-options',
            f'train_dataloader.dataset.ann_file={split}',
            f'train_dataloader.dataset.split={train}',
            f'val_dataloader.dataset.ann_file={split}',
            f'val_dataloader.dataset.split={part}',
            f'randomness.seed={self.seed}',
            'default_hooks.checkpoint.interval=1000000',
            f'default_hooks.checkpoint.save_last={self.keep}',
            *options,
        ]


def require_splits(folds: Iterable[int]) -> None:
    """Make sure that the split files of furniture folds exist.

    Raises:
        ConfigError: One does not; names it and the folds that there are.
    """
    known = Path(find_config(f'{SPLITS}/default.json')).parent.glob('fold*.json')
    names = sorted((path.stem[4:] for path in known), key=int)
    for fold in folds:
        if str(fold) not in names:
            raise ConfigError(
                f'--folds {fold}: {SPLITS}/fold{fold}.json is missing; the folds there are: '
                f'{", ".join(names) or "none"}.'
            )


def run_all(
    runs: Sequence[AnyTraining], jobs: int = 2, threads: int = 1
) -> dict[AnyTraining, dict[str, float]]:
    """Do every run that has no metrics yet; each in its own process.

    Args:
        runs: What to run.
        jobs: Processes at a time. Defaults to 2.
        threads: Threads a process. Defaults to 1: two one-thread runs finish sooner than two
            two-thread runs on two cores.

    Returns:
        The figures of every run, from its ``figures.json``; none of a run that is not scored.

    Raises:
        TrainingError: If a training fails; its log is named and its own error repeated.
    """
    with ThreadPoolExecutor(jobs) as pool:
        figures = list(
            tqdm(pool.map(lambda run: _run_one(run, threads), runs), total=len(runs), unit='run')
        )
    return dict(zip(runs, figures))


def _run_one(run: Training, threads: int) -> dict[str, float]:
    done = run.folder / 'figures.json'
    *first, command = run.commands()
    if done.exists():
        record = json.loads(done.read_text())
        trained = [*record.get('first_stage', []), record['command']]
        if [line[1:] for line in trained] == [line[1:] for line in (*first, command)]:
            return record['figures']
    run.folder.mkdir(parents=True, exist_ok=True)
    log = run.folder / 'stdout.log'
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    with log.open('w') as stream:
        for line in (*first, command):
            code = subprocess.run(line, stdout=stream, stderr=subprocess.STDOUT, env=env).returncode
            if code != 0:
                raise TrainingError(_failure(code, log))
    figures = last_metrics(run.folder) if run.scored else {}
    record = dict(command=command, figures=figures)
    if first:
        record['first_stage'] = first
    done.write_text(json.dumps(record, indent=1))
    return figures


def _failure(code: int, log: Path) -> str:
    """Return what is known of a failed training; a recoverable one ends with a sentence."""
    lines = log.read_text(encoding='utf-8', errors='replace').splitlines()
    said = [line for line in lines if line.startswith('Error: ')]
    reason = f' with "{said[-1].removeprefix("Error: ")}"' if said else ''
    return f'Training failed with exit code {code}{reason}; see {log}.'


def last_metrics(work_dir: str | Path) -> dict[str, float]:
    """Read the last validation metrics, such as ``zero_shot/top1``, logged below a ``work_dir``.

    Raises:
        FileNotFoundError: If no validation was logged.
    """
    with suppress(FileNotFoundError):
        scores = read_training_log(work_dir).val
        if any(key.endswith(('/top1', '/miou')) for key in scores):
            return {key: float(values[max(values)]) for key, values in scores.items()}
    raise FileNotFoundError(f'{work_dir} holds no validation metrics; did the run reach its end?')


def summarise(figures: Iterable[dict[str, float]], metric: str) -> tuple[float, float, int]:
    """Mean, standard deviation (n - 1) and number of runs of one metric."""
    values = np.array([row[metric] for row in figures])
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0, len(values)


def paired_difference(
    ours: Sequence[dict[str, float]], base: Sequence[dict[str, float]], metric: str
) -> tuple[float, float, int]:
    """Compare two rows run by run.

    Args:
        ours: Metrics, one per (fold, seed).
        base: Metrics of the same (fold, seed) pairs in the same order.
        metric: Which metric.

    Returns:
        Mean difference, its standard error (n - 1), and how many runs are better.
    """
    diff = np.array([a[metric] - b[metric] for a, b in zip(ours, base)])
    error = diff.std(ddof=1) / np.sqrt(len(diff)) if len(diff) > 1 else 0.0
    return float(diff.mean()), float(error), int((diff > 0).sum())


def write_table(folder: str | Path, names: Sequence[str], table: str, record: Any) -> list[Path]:
    """Write a table as Markdown and its metrics as JSON, side by side; return the two files.

    Args:
        folder: Where to; made if it is missing.
        names: What the table is of; together they name the files. Many names are cut to the first
            one and a checksum of all, since file systems allow 255 bytes.
        table: Markdown.
        record: What JSON can hold.
    """
    stem = '_'.join(names).replace('/', '-')
    if len(stem) > _MAX_STEM:
        stem = f'{names[0]}_{len(names) - 1}-more_{zlib.crc32(stem.encode()):08x}'.replace('/', '-')
    # Not with_suffix: a row name may hold a dot.
    paths = [Path(folder) / f'{stem}{suffix}' for suffix in ('.md', '.json')]
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, (table + '\n', json.dumps(record, indent=1))):
        path.write_text(text, encoding='utf-8')
    return paths


def markdown_table(
    rows: Mapping[str, Sequence[dict[str, float]]], metrics: dict[str, str], base: str | None = None
) -> str:
    """Write rows as a Markdown table of ``mean ± std``, percent, with paired differences under it.

    Args:
        rows: Row name to the metrics of its runs.
        metrics: Metric key to column title.
        base: Row that the others are compared with, run by run.
    """
    lines = [
        '| row | runs | ' + ' | '.join(metrics.values()) + ' |',
        '|---|---|' + '---|' * len(metrics),
    ]
    for name, figures in rows.items():
        cells = [summarise(figures, metric) for metric in metrics]
        text = ' | '.join(f'{100 * mean:.1f} ± {100 * std:.1f}' for mean, std, _ in cells)
        lines.append(f'| {name} | {len(figures)} | {text} |')
    if base is None:
        return '\n'.join(lines)
    lines += [
        '',
        f'Paired difference to `{base}`, points: mean ± standard error (runs better).',
        '',
    ]
    lines += ['| row | ' + ' | '.join(metrics.values()) + ' |', '|---|' + '---|' * len(metrics)]
    for name, figures in rows.items():
        if name == base or len(figures) != len(rows[base]):
            continue
        cells = [paired_difference(figures, rows[base], metric) for metric in metrics]
        text = ' | '.join(
            f'{100 * mean:+.1f} ± {100 * error:.1f} ({better}/{len(figures)})'
            for mean, error, better in cells
        )
        lines.append(f'| {name} | {text} |')
    return '\n'.join(lines)
