"""From pre-training to segmentation, with several seeds: scratch, linear probe, fine-tuned."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mrd_plugin.apis.export import export_backbone
from mrd_plugin.apis.run_loading import last_checkpoint
from mrd_plugin.studies.cross_validation import TRAIN, MetricRows, run_all

_CHECKPOINT = 'default_hooks.pretrained.checkpoint'


@dataclass(frozen=True)
class SeedRun:
    """One training: a config with one seed.

    Attributes:
        config: Path of the config file.
        row: Row of the table, and folder below ``out``.
        seed: Seed of initialisation, sampling and augmentation.
        out: Folder of all runs.
        options: Further ``key=value`` overrides.
        keep: Keep the last checkpoint; without it a run leaves metrics only.
        scored: Whether it ends with metrics of segmentation; a pre-training does not.
    """

    config: str
    row: str
    seed: int
    out: str
    options: tuple[str, ...] = ()
    keep: bool = False
    scored: bool = True

    @property
    def folder(self) -> Path:
        """Work folder of this run."""
        return Path(self.out) / self.row / f'seed{self.seed}'

    def commands(self) -> list[list[str]]:
        """Return the command line of the training."""
        options = [
            f'randomness.seed={self.seed}',
            'default_hooks.checkpoint.interval=1000000',
            f'default_hooks.checkpoint.save_last={self.keep}',
            *self.options,
        ]
        command = [sys.executable, *TRAIN, self.config, '--work-dir', str(self.folder)]
        return [[*command, '--cfg-options', *options]]


@dataclass(frozen=True)
class SegmentationLadder:
    """The comparison of pre-trainings by the segmentation that they lead to.

    Attributes:
        pretraining: Pre-training configs; the rows bear the names of their folders (the methods').
        probe: Config of a ``PointSegmentor`` with a frozen backbone.
        finetune: The same with a trainable one; with no checkpoint it is the row from scratch.
        seeds: Each seed is that of a pre-training and of what is built on it.
        split: Split of ``val_dataloader`` that is scored: ``'validation'`` for choosing settings,
            ``'test'`` for the figures.
        out: Folder of all runs.
        export: Build on exported backbones, as a person who gets a file would, and not on the
            checkpoints of the pre-trainings.
        jobs: Trainings at a time.
        threads: Threads of each.
    """

    pretraining: Sequence[str]
    probe: str
    finetune: str
    seeds: Sequence[int] = (0, 1, 2)
    split: str = 'test'
    out: str = 'work_dirs/segmentation_ladder'
    export: bool = False
    jobs: int = 2
    threads: int = 1

    def run(self) -> MetricRows:
        """Run what is not done yet.

        Returns:
            Row name to figures, one per seed, in the order of ``seeds``; ``coverage`` among them is
            the part of the backbone that was loaded, in [0, 1].
        """
        rows = {
            'random backbone, linear probe': self._downstream(self.probe, 'random/probe', None),
            'scratch': self._downstream(self.finetune, 'random/finetune', None),
        }
        for config in self.pretraining:
            method = Path(config).parent.name
            runs = [
                SeedRun(config, f'{method}/pre-training', seed, self.out, keep=True, scored=False)
                for seed in self.seeds
            ]
            run_all(runs, self.jobs, self.threads)
            found = [last_checkpoint(run.folder) for run in runs]
            kind = '_exported' if self.export else ''
            if self.export:
                found = [
                    export_backbone(path, Path(self.out) / 'weights', name=f'{method}_seed{seed}')
                    for path, seed in zip(found, self.seeds)
                ]
            for title, config, row in (
                ('linear probe', self.probe, 'probe'),
                ('fine-tuned', self.finetune, 'finetune'),
            ):
                row = f'{method}/{row}{kind}'
                rows[f'{method}, {title}'] = self._downstream(config, row, found)
        return rows

    def _downstream(
        self, config: str, row: str, checkpoints: Sequence[Path] | None
    ) -> list[dict[str, float]]:
        """Metrics of one row, one per seed."""
        sources: Sequence[Path | None] = checkpoints or [None] * len(self.seeds)
        runs = [
            SeedRun(
                config,
                f'{row}_{self.split}',
                seed,
                self.out,
                (f'{_CHECKPOINT}={source}', f'val_dataloader.dataset.split={self.split}'),
            )
            for seed, source in zip(self.seeds, sources)
        ]
        metrics = run_all(runs, self.jobs, self.threads)
        return [{**metrics[run], **_coverage(run.folder)} for run in runs]


def _coverage(folder: Path) -> dict[str, float]:
    """``coverage`` from the table that ``PretrainedCoverageHook`` logged, if there is one."""
    log = folder / 'stdout.log'
    text = log.read_text(encoding='utf-8') if log.is_file() else ''
    found = re.findall(r'^backbone(?: +\d+){4} +([\d.]+)%$', text, re.MULTILINE)
    return {'coverage': float(found[-1]) / 100} if found else {}


def common_metrics(rows: MetricRows) -> dict[str, str]:
    """Columns of a table: mean IoU, that of each class, accuracy; what every run has."""
    runs = [metrics for row in rows.values() for metrics in row]
    each = [key for key in runs[0] if key.startswith('segmentation/iou_')]
    titles = {'segmentation/miou': 'mIoU'}
    titles.update({key: key.partition('iou_')[2] for key in each})
    titles['segmentation/accuracy'] = 'accuracy'
    return {key: title for key, title in titles.items() if all(key in run for run in runs)}
