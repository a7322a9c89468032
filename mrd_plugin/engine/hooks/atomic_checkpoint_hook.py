"""Checkpoints that a kill can't damage, that plain ``weights_only`` loading can read."""

from __future__ import annotations

import logging
import os.path as osp
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.logging import HistoryBuffer, print_log
from mmengine.registry import HOOKS

from mrd_plugin.engine.checkpoints.geometry import check_meta, collect_geometry
from mrd_plugin.utils.atomic import remove_half_written, write_atomically


def plain_data(value: Any, name: str = '') -> Any:
    """Turn what mmengine puts into ``meta`` and ``message_hub`` into builtin types and tensors.

    Args:
        value: E.g. a message hub's state, with ``HistoryBuffer`` and numpy values in it.
        name: Where the value stands, for the warning about a type that is written as its text.

    Returns:
        The same content in dicts, lists, tuples, strings, numbers, booleans, None and tensors.
    """
    if isinstance(value, HistoryBuffer):
        log, count = (torch.from_numpy(np.asarray(array, float)) for array in value.data)
        return {'log': log, 'count': count, 'max_length': int(value.max_length)}
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plain_data(item, f'{name}.{key}') for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [plain_data(item, name) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if value is None or isinstance(value, (bool, int, float, str, bytes, torch.Tensor)):
        return value
    if not isinstance(value, Path):
        kind = type(value).__name__
        print_log(
            f'{name} is a {kind}; its text goes into the checkpoint.',
            'current',
            level=logging.WARNING,
        )
    return str(value)


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` with four more guarantees.

    - Every checkpoint is written to a temporary file and renamed, and ``last_checkpoint`` after it.
    - An outdated checkpoint is removed after the one that replaces it is complete.
    - ``meta`` and ``message_hub`` hold plain data, so that ``torch.load(weights_only=True)``, the
      default since torch 2.6, reads the file.
    - ``meta['geometry']`` holds the settings that decide correctness (up axis, colour of "no
      colour", normalisation, input channels, ...); a checkpoint that the config contradicts is
      refused, by training, resuming and testing alike. ``PretrainedCoverageHook`` does so for what
      weights are taken from.

    The arguments are those of ``CheckpointHook``.
    """

    backend_args: dict | None
    best_ckpt_path: str | None
    best_ckpt_path_dict: dict[str, str | None]

    def before_train(self, runner) -> None:
        """Choose the atomic writer for local folders; clear what a kill left half-written."""
        local = '://' not in str(self.out_dir or runner.work_dir)
        if local and self.backend_args is None and self.file_client_args is None:
            self.backend_args = {'backend': 'atomic_local'}
        super().before_train(runner)
        if local and is_main_process():
            remove_half_written(Path(self.out_dir), '*.pth.*')

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Add the geometry and the config's name, and make the rest plain."""
        facts: dict[str, Any] = {'geometry': collect_geometry(runner.cfg)}
        if getattr(runner.cfg, 'filename', None):
            # not under 'config', which mmengine runs as a config's text when it resumes
            facts['config_name'] = '/'.join(Path(runner.cfg.filename).parts[-2:])
        checkpoint['meta'] = plain_data({**checkpoint['meta'], **facts}, 'meta')
        checkpoint['message_hub'] = plain_data(checkpoint['message_hub'], 'message_hub')

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Compare the checkpoint's geometry with the config's.

        Raises:
            ConfigError: They contradict each other.
        """
        check_meta(checkpoint.get('meta', {}), runner.cfg)

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        """Save, then say that it is the last one, then remove what is outdated."""
        outdated = []
        if self.max_keep_ckpts > 0 and (not self.keep_ckpt_ids or self.keep_ckpt_ids[-1] != step):
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated.append(self.keep_ckpt_ids.popleft())
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            filename,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            last = str(self.last_ckpt).encode()
            write_atomically(osp.join(runner.work_dir, 'last_checkpoint'), last)
            for old in outdated:
                self._remove(
                    self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(old))
                )

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        """Save the best checkpoint, and only then remove the one that was best before."""
        if not self.save_best:
            return
        # mmengine removes the path it remembers before it saves; it is given none to remember.
        one = len(self.key_indicators) == 1
        before = {'': self.best_ckpt_path} if one else dict(self.best_ckpt_path_dict)
        if one:
            self.best_ckpt_path = None
        else:
            self.best_ckpt_path_dict = dict.fromkeys(self.key_indicators)
        super()._save_best_checkpoint(runner, metrics)
        for key, old in before.items():
            new = self.best_ckpt_path if one else self.best_ckpt_path_dict[key]
            if new is None and one:
                self.best_ckpt_path = old
            elif new is None:
                self.best_ckpt_path_dict[key] = old
            elif old is not None and old != new and is_main_process():
                self._remove(old)

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
