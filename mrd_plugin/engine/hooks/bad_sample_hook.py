"""Count and name the samples that the data set could not read."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from typing import Any

from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS

from mrd_plugin.utils.errors import BadSampleError, first_names

_SHOWN = 20


@HOOKS.register_module()
class BadSampleHook(Hook):
    """Say at the end of each epoch how many samples were skipped, and which.

    A data set that skips a bad sample and takes another puts the names of what it skipped into the
    ``skipped`` metainfo of the sample it took, because its own counters stay in the worker process.

    Args:
        max_bad_fraction: Stop as soon as more than this part of the data set was found bad in one
            epoch. Defaults to 0.1.
    """

    priority = 'ABOVE_NORMAL'

    def __init__(self, max_bad_fraction: float = 0.1) -> None:
        self.max_bad_fraction = max_bad_fraction
        self._skipped: dict[str, None] = {}  # in the order they were met

    def before_train_epoch(self, runner) -> None:
        """Start counting anew."""
        self._skipped = {}

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: Any = None, outputs: Mapping | None = None
    ) -> None:
        """Collect the names that this batch brings.

        Raises:
            BadSampleError: Too many samples are bad.
        """
        samples = data_batch.get('data_samples') if isinstance(data_batch, Mapping) else None
        names = itertools.chain.from_iterable(getattr(one, 'skipped', ()) for one in samples or ())
        found = len(self._skipped)
        self._skipped.update(dict.fromkeys(names))
        if len(self._skipped) > found:
            size = len(runner.train_dataloader.dataset)
            self._check(len(self._skipped), max(1, size // get_world_size()))

    def after_train_epoch(self, runner) -> None:
        """Report the samples that any rank skipped.

        Raises:
            BadSampleError: Too many samples are bad.
        """
        ranks = all_gather_object(list(self._skipped))
        names = list(dict.fromkeys(itertools.chain.from_iterable(ranks)))
        if not names:
            return
        size = len(runner.train_dataloader.dataset)
        print_log(
            f'Epoch {runner.epoch + 1}: {len(names)} of {size} samples were bad and were skipped: '
            f'{first_names(names, _SHOWN)}',
            'current',
            level=logging.WARNING,
        )
        self._skipped = dict.fromkeys(names)
        self._check(len(names), size)

    def _check(self, bad: int, size: int) -> None:
        if bad > self.max_bad_fraction * size:
            raise BadSampleError(
                f'{bad} of {size} samples are bad ({", ".join(list(self._skipped)[:3])}, ...), '
                f'more than the part of {self.max_bad_fraction:g} that '
                'BadSampleHook.max_bad_fraction allows: see the log for each, and fix the data or '
                'its path.'
            )
