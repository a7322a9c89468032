"""Stop at the first loss that is not a number, and say which term and which samples."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce, get_rank
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS

from mrd_plugin.utils.errors import first_names

_SHOWN = 10


class NonFiniteLossError(RuntimeError):
    """Training has gone wrong; the message names the loss terms and the samples."""


def sample_names(samples: Sequence[Any]) -> list[str]:
    """Return the ``sample_id`` of each data sample, or its place in the batch where it has none."""
    return [str(getattr(one, 'sample_id', f'#{place}')) for place, one in enumerate(samples)]


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Check every logged value of every step on every rank.

    The run stops before a checkpoint is written over a good one, and weights that are not finite
    are never saved. Samples whose input is not finite are named first; if there are none, the whole
    batch is named, the first ten in the message and all of them in the log.
    """

    # Before EMA (NORMAL) takes in the weights and CheckpointHook (VERY_LOW) saves them.
    priority = 'ABOVE_NORMAL'

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: Any = None, outputs: Mapping | None = None
    ) -> None:
        """Look at the outputs of one step.

        Raises:
            NonFiniteLossError: A value is NaN or infinite here or on another rank.
        """
        values = {
            name: torch.as_tensor(value).detach().float().mean()
            for name, value in (outputs or {}).items()
        }
        if not values:
            return
        device = values.get('loss', next(iter(values.values()))).device
        finite = torch.isfinite(torch.stack([value.to(device) for value in values.values()]))
        bad_ranks = (~finite.all()).float()
        all_reduce(bad_ranks)
        if bad_ranks == 0:
            return
        at = f'epoch {runner.epoch + 1}, iteration {runner.iter + 1}'
        if finite.all():
            raise NonFiniteLossError(
                f'Another rank met a loss that is not finite at {at}; see its log.'
            )
        bad = [name for name, good in zip(values, finite.tolist()) if not good]
        terms = ', '.join(f'{name}={float(values[name])}' for name in bad)
        raise NonFiniteLossError(
            f'{terms} at {at} (rank {get_rank()}), {self._culprits(data_batch)}. The checkpoints '
            'are as they were; remove such samples, or lower the learning rate and resume.'
        )

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Refuse to save weights that are not finite.

        Raises:
            NonFiniteLossError: With the names of such weights.
        """
        bad = [
            name
            for name, value in checkpoint['state_dict'].items()
            if isinstance(value, torch.Tensor)
            and value.is_floating_point()
            and not torch.isfinite(value).all()
        ]
        if bad:
            raise NonFiniteLossError(
                f'No checkpoint is written at epoch {runner.epoch + 1}, iteration '
                f'{runner.iter + 1}: {first_names(bad, _SHOWN)} are not finite. Resume from an '
                'earlier one with a lower learning rate.'
            )

    def _culprits(self, data_batch: Any) -> str:
        if not isinstance(data_batch, Mapping) or not data_batch.get('data_samples'):
            return 'samples unknown'
        names = sample_names(data_batch['data_samples'])
        inputs = data_batch.get('inputs')
        if isinstance(inputs, (list, tuple, torch.Tensor)) and len(inputs) == len(names):
            broken = [
                name
                for name, value in zip(names, inputs)
                if isinstance(value, torch.Tensor) and not torch.isfinite(value).all()
            ]
            if broken:
                return f'the input of these samples is not finite: {first_names(broken, _SHOWN)}'
        print_log(f'The samples of this batch: {", ".join(names)}', 'current', level=logging.ERROR)
        return f'in a batch of these samples: {first_names(names, _SHOWN)}'
