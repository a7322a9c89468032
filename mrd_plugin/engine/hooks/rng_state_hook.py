"""Random states in the checkpoint, so that a resumed run equals the uninterrupted one."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop
from torch.utils.data import DataLoader


def get_rng_state() -> dict[str, Any]:
    """Return the states of the generators of python, numpy and torch as plain data."""
    version, python, gauss = random.getstate()
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    state = {
        'python': (version, torch.tensor(python), gauss),
        'numpy': (name, torch.tensor(np.asarray(keys, np.int64)), *rest),
        'torch': torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_rng_state(state: dict[str, Any]) -> None:
    """Set the states that :func:`get_rng_state` gave; tensors may have come back on any device."""
    version, python, gauss = state['python']
    random.setstate((version, tuple(python.tolist()), gauss))
    name, keys, *rest = state['numpy']
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())


class SeedWorker:
    """A ``worker_init_fn`` whose seed depends on run, epoch, rank and worker.

    mmengine gives each worker the same seed in every epoch, so that augmentation repeats itself.

    Args:
        seed: The run's seed.
        epoch: The epoch that the workers are started for.
        rank: The rank of the process that starts them.
        before: The ``worker_init_fn`` of the config, which is called first.
    """

    def __init__(self, seed: int, epoch: int, rank: int, before: Callable | None) -> None:
        self.entropy = (seed, epoch, rank)
        self.before = before

    def __call__(self, worker_id: int) -> None:
        """Seed python, numpy and torch in this worker."""
        if self.before is not None:
            self.before(worker_id)
        words = np.random.SeedSequence((*self.entropy, worker_id)).generate_state(3)
        random.seed(int(words[0]))
        np.random.seed(int(words[1]))  # noqa: NPY002
        torch.manual_seed(int(words[2]))


@HOOKS.register_module()
class RNGStateHook(Hook):
    """Make N epochs, a resume and M epochs equal to N + M epochs, bit for bit (CPU, fp32).

    The state of each rank's generators is taken at the end of a training epoch, saved with the
    checkpoint and set again when the next epoch starts, resumed or not; so validation, which draws
    random numbers too, never moves the training stream. The seeds of sampler and workers travel
    along. Persistent workers are started anew each epoch, because nobody can save the state that
    they keep. Resuming works at epoch boundaries; with ``IterBasedTrainLoop`` the hook does
    nothing.
    """

    # After the hooks that may draw random numbers, before CheckpointHook (VERY_LOW).
    priority = 'LOW'

    def __init__(self) -> None:
        self._states: Sequence[dict[str, Any]] | None = None
        self._worker_init_fn: Callable | None = None
        self._active = False

    def before_train(self, runner) -> None:
        """Bring back the seeds of sampler and workers."""
        self._active = isinstance(runner.train_loop, EpochBasedTrainLoop)
        if not self._active:
            print_log(
                'RNGStateHook does nothing without an EpochBasedTrainLoop.',
                'current',
                logging.WARNING,
            )
            return
        loader = runner.train_dataloader
        self._worker_init_fn = loader.worker_init_fn
        self._seed = int(runner.seed)
        if self._states is not None:
            own = self._states[min(get_rank(), len(self._states) - 1)]
            self._seed = own['seed']
            if own['sampler_seed'] is not None:
                _sampler(loader).seed = own['sampler_seed']
        if loader.persistent_workers:
            print_log(
                'RNGStateHook starts the workers of train_dataloader anew each epoch, so that a '
                'resumed run repeats the undisturbed one; persistent_workers=False says the same.',
                'current',
            )

    def before_train_epoch(self, runner) -> None:
        """Continue where the last training epoch left the generators."""
        if not self._active:
            return
        if self._states is None:
            self._states = self._gather(runner)
        elif len(self._states) == get_world_size():
            set_rng_state(self._states[get_rank()])
        loader = runner.train_dataloader
        if loader.num_workers > 0:
            loader.worker_init_fn = SeedWorker(
                self._seed, runner.epoch, get_rank(), self._worker_init_fn
            )
            loader._iterator = None  # persistent workers live in it

    def after_train_epoch(self, runner) -> None:
        """Take the states of all ranks."""
        if self._active:
            self._states = self._gather(runner)

    def after_train(self, runner) -> None:
        """End persistent workers here: the garbage collector may need seconds for each."""
        runner.train_dataloader._iterator = None

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Put the states of the last epoch boundary into the checkpoint."""
        if self._states is not None:
            checkpoint['rng_states'] = list(self._states)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Take the states out of a checkpoint that is resumed."""
        if not runner._resume:
            return
        self._states = checkpoint.get('rng_states')
        if self._states is None:
            print_log(
                'The checkpoint holds no random states, for it was written without RNGStateHook: '
                'the resumed run draws other random numbers than the undisturbed one.',
                'current',
                level=logging.WARNING,
            )
        elif len(self._states) != get_world_size():
            print_log(
                f'The checkpoint holds the random states of {len(self._states)} processes and this '
                f'run has {get_world_size()}: it draws other random numbers than the undisturbed '
                'one.',
                'current',
                level=logging.WARNING,
            )

    def _gather(self, runner) -> list[dict[str, Any]]:
        seeds = {
            'seed': self._seed,
            'sampler_seed': getattr(_sampler(runner.train_dataloader), 'seed', None),
        }
        return all_gather_object({**get_rng_state(), **seeds})


def _sampler(loader: DataLoader) -> Any:
    """Return the sampler that chooses samples, which a batch sampler of the config may wrap."""
    inner = getattr(loader.batch_sampler, 'sampler', None)
    return loader.sampler if inner is None else inner
