"""Fits detectors to a few frames: a detector that can't learn these is broken."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.runner import Runner

from mrd_plugin.apis.launch import build_runner, require_checkpoints
from mrd_plugin.utils.errors import ConfigError

SCRATCH = 'random'


@dataclass
class Fit:
    """One run."""

    start: str
    """Checkpoint of the backbone, or :data:`SCRATCH`."""
    seed: int
    losses: list[float]
    """Total loss of each step."""
    ap25: float
    """Average precision at an IoU of 0.25 in per cent, mean over the classes of the frames."""
    ap50: float
    """The same at 0.5."""
    seconds: float
    """Wall time of training and evaluation."""


def overfit(cfg: Config, checkpoints: Sequence[str | None], seeds: Sequence[int]) -> Iterator[Fit]:
    """Fit a detector from each checkpoint with each seed and score it on the same frames.

    Args:
        cfg: Trains and validates on the same frames, with ``IndoorMetric`` after the last epoch
            (``configs/detection/overfit``).
        checkpoints: Of backbones; None starts from random weights.
        seeds: Of weights, sampling and order.

    Yields:
        Runs as they end; all so far are also in ``work_dir/overfit.json``.

    Raises:
        ConfigError: If the config is not made for this.
        FileNotFoundError: If there is no such checkpoint.
    """
    require_overfit(cfg)
    require_checkpoints(*filter(None, checkpoints))
    done: list[Fit] = []
    folder = Path(cfg.work_dir)
    for checkpoint in checkpoints:
        for seed in seeds:
            done.append(_fit(copy.deepcopy(cfg), checkpoint, seed))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / 'overfit.json').write_text(json.dumps([asdict(fit) for fit in done]))
            yield done[-1]


def require_overfit(cfg: Config) -> None:
    """Make sure that a config can be fitted to a few frames.

    Raises:
        ConfigError: If it is not scored with ``IndoorMetric``, or has no hook to load a backbone
            with.
    """
    metrics = cfg.get('val_evaluator') or []
    kinds = [one['type'] for one in ([metrics] if isinstance(metrics, dict) else metrics)]
    if 'IndoorMetric' not in kinds:
        raise ConfigError(
            f'{cfg.filename}: val_evaluator is {" and ".join(map(str, kinds)) or None}, expected '
            'IndoorMetric; take a config of configs/detection/overfit.'
        )
    if 'pretrained' not in cfg.default_hooks:
        raise ConfigError(
            f'{cfg.filename}: default_hooks.pretrained is missing, so no checkpoint could be '
            'loaded; take a config of configs/detection/overfit.'
        )


def _fit(cfg: Config, checkpoint: str | None, seed: int) -> Fit:
    """Train once and read the run's own scalars."""
    start = SCRATCH if checkpoint is None else Path(checkpoint).stem
    cfg.default_hooks.pretrained.checkpoint = checkpoint
    cfg.randomness = dict(seed=seed)
    cfg.work_dir = str(Path(cfg.work_dir) / f'{start}_seed{seed}')
    began = time.perf_counter()
    runner = build_runner(cfg)
    runner.train()
    losses = [float(value) for value in runner.message_hub.get_scalar('train/loss').data[0]]
    ap25, ap50 = (_average_precision(runner, threshold) for threshold in ('0.25', '0.50'))
    return Fit(checkpoint or SCRATCH, seed, losses, ap25, ap50, time.perf_counter() - began)


def _average_precision(runner: Runner, threshold: str) -> float:
    """Average over the classes that occur; ``IndoorMetric``'s mean counts those only guessed."""
    dataset: Any = runner.val_dataloader.dataset
    infos = [dataset.get_data_info(index)['eval_ann_info'] for index in range(len(dataset))]
    labels = sorted({int(label) for info in infos for label in info['gt_labels_3d']})
    names = [dataset.metainfo['classes'][label] for label in labels]
    scalars = runner.message_hub.log_scalars
    return 100 * float(np.mean([scalars[f'val/{n}_AP_{threshold}'].current() for n in names]))


def overfit_table(fits: Sequence[Fit], columns: int = 6) -> str:
    """Write runs as a Markdown table: the loss at ``columns`` steps, and AP."""
    last = len(fits[0].losses)
    steps = sorted({round(1 + (last - 1) * i / (columns - 1)) for i in range(columns)})
    head = ['start', 'seed', *(f'loss at {step}' for step in steps), 'AP25', 'AP50', 'seconds']
    rows = [head, ['---'] * len(head)]
    for fit in fits:
        losses = [f'{fit.losses[step - 1]:.3f}' for step in steps]
        scores = [f'{fit.ap25:.1f}', f'{fit.ap50:.1f}', f'{fit.seconds:.0f}']
        rows.append([fit.start, str(fit.seed), *losses, *scores])
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)
