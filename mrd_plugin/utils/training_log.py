"""The scalars that MMEngine logs while it trains, read back by key."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from mrd_plugin.utils.errors import ConfigError


@dataclass
class TrainingLog:
    """The scalars of one run.

    Attributes:
        name: For legends; the run's directory, or the file's name.
        train: For each key, values by iteration.
        val: For each key (metrics), values by epoch (by iteration for iteration-based runs).
        epoch_of: Epoch by iteration.
    """

    name: str
    train: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    val: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    epoch_of: dict[int, int] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        """All keys, sorted."""
        return sorted({*self.train, *self.val})

    def curve(self, key: str) -> tuple[list[int], list[float]]:
        """Return iterations and values of a key; a metric is at the last iteration of its epoch.

        Raises:
            ConfigError: The log has no such key; the message lists those it has.
        """
        if key in self.train:
            return list(self.train[key]), list(self.train[key].values())
        if key not in self.val:
            raise ConfigError(f'{self.name} has no {key!r}; it has {", ".join(self.keys)}.')
        last = {epoch: step for step, epoch in self.epoch_of.items()}
        return [last.get(step, step) for step in self.val[key]], list(self.val[key].values())

    @property
    def unit(self) -> str:
        """What positions are: 'epoch', or 'iteration' for iteration-based runs."""
        return 'epoch' if self.epoch_of else 'iteration'

    def series(self, key: str) -> tuple[list[float], list[float]]:
        """Return positions, in :attr:`unit`, and finite values of a key."""
        length = self.iterations_per_epoch
        points = [(x / length, y) for x, y in zip(*self.curve(key)) if math.isfinite(y)]
        return [x for x, _ in points], [y for _, y in points]

    @property
    def iterations_per_epoch(self) -> float:
        """Length of an epoch by the last row; 1 for iteration-based runs."""
        if not self.epoch_of:
            return 1.0
        last = max(self.epoch_of)
        return last / self.epoch_of[last]

    def train_minutes(self) -> float:
        """Time spent in training iterations, with data loading, without validation and saving."""
        seconds, before = 0.0, 0
        for step, duration in sorted(self.train.get('time', {}).items()):
            seconds += (step - before) * duration
            before = step
        return seconds / 60

    def forget_from(self, step: int, epoch: int) -> None:
        """Drop what was logged from a step on, or of an epoch that began there."""
        for values in self.train.values():
            for known in [known for known in values if known >= step]:
                del values[known]
        for values in self.val.values():
            for known in [known for known in values if known >= epoch]:
                del values[known]
        self.epoch_of = {known: e for known, e in self.epoch_of.items() if known < step}


def _files(path: Path) -> list[Path]:
    """Return the scalar files of a log, or those below a work directory, oldest first."""
    if path.is_file():
        return [path]
    found = sorted(path.glob('*/vis_data/scalars.json')) or sorted(
        path.glob('vis_data/scalars.json')
    )
    if not found:
        raise FileNotFoundError(f'{path}: neither a .json log nor a work directory that holds one.')
    return found


def read_training_log(path: str | Path) -> TrainingLog:
    """Read a log.

    Args:
        path: ``scalars.json`` or another of MMEngine's JSON-lines files, or a work directory; a run
            that was resumed, or started anew, replaces what the earlier one logged from there on.

    Raises:
        FileNotFoundError: There is no log.
        ConfigError: The file is no such log.
    """
    path = Path(path)
    log = TrainingLog(path.name if path.is_dir() else path.stem)
    for file in _files(path):
        begun = False
        for number, line in enumerate(file.read_text(encoding='utf-8').splitlines(), 1):
            try:
                record = json.loads(line)
                step = int(record.pop('step', record.get('iter', 0)))
            except (AttributeError, TypeError, ValueError) as error:
                raise ConfigError(
                    f'{file}, line {number}: expected one JSON object per line.'
                ) from error
            if not begun and _trained(record):
                log.forget_from(step, int(record.get('epoch', step)))
                begun = True
            _add(log, record, step)
    return log


def _trained(record: dict) -> bool:
    return 'lr' in record or 'base_lr' in record


def _add(log: TrainingLog, record: dict, step: int) -> None:
    iteration, epoch = record.pop('iter', None), record.pop('epoch', None)
    trained = _trained(record)
    if trained and iteration is not None and epoch is not None:
        log.epoch_of[step] = int(epoch)
    for key, value in record.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            (log.train if trained else log.val)[key][step] = value
