"""Probes of checkpoints, and the comparison of training from scratch, probe and fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter

import numpy as np
from mmengine.config import Config
from tqdm import tqdm

from mrd_plugin.apis.features import Features, checkpoint_features
from mrd_plugin.apis.launch import require_checkpoints
from mrd_plugin.apis.run_loading import last_checkpoint, sample_ids
from mrd_plugin.studies.cross_validation import SPLITS, FoldRun, MetricRows, require_splits, run_all
from mrd_plugin.studies.probes import accuracies, few_shot_probe, knn_probe, linear_probe
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import find_config


@dataclass(frozen=True)
class Probes:
    """Which probes are run.

    Attributes:
        features: What they are trained on, a key of the model's ``FEATURES``.
        kinds: Some of ``'linear'``, ``'knn'``, ``'few-shot'``.
        shots: Numbers of shots of the few-shot probes.
        ways: Classes of a few-shot probe; None for all.
        draws: Draws of each few-shot probe.
    """

    features: str = 'backbone'
    kinds: Sequence[str] = ('linear', 'knn', 'few-shot')
    shots: Sequence[int] = (1, 2, 4, 8, 16)
    ways: int | None = None
    draws: int = 10

    @property
    def rows(self) -> list[str]:
        """Names of the rows that they give."""
        ways = f'{self.ways}-way ' if self.ways else ''
        few_shot = [f'{ways}{shots}-shot' for shots in self.shots]
        titles = [title for kind, title in _TITLES.items() if kind in self.kinds]
        return [*titles, *(few_shot if 'few-shot' in self.kinds else [])]


def data_parts(data: Config, fold: int | None = None, part: str = 'test') -> dict[str, dict]:
    """Training and test data set of a config, both with its test pipeline.

    Args:
        data: Has ``train_dataloader`` and ``test_dataloader``.
        fold: A furniture fold in the place of the config's split. Defaults to None.
        part: With a fold: ``'test'`` trains on train and val, ``'val'`` on train alone and is
            scored on val. Defaults to 'test'.
    """
    test = dict(data.test_dataloader.dataset)
    train = dict(
        data.train_dataloader.dataset,
        pipeline=test['pipeline'],
        test_mode=True,
        cache_in_memory=False,
    )
    if fold is not None:
        split = f'{SPLITS}/fold{fold}.json'
        train.update(ann_file=split, split=['train', 'val'] if part == 'test' else ['train'])
        test.update(ann_file=split, split=part)
    return dict(train=train, test=test)


def probe(
    cfg: Config,
    checkpoint: str | Path,
    parts: dict[str, dict],
    probes: Probes,
    cache: str | Path,
    data: Config | None = None,
) -> MetricRows:
    """Probe one checkpoint.

    Args:
        cfg: The checkpoint's config.
        checkpoint: The weights.
        parts: From :func:`data_parts`.
        probes: Which.
        cache: Folder where features are kept.
        data: The config that the parts are from, if it is another.

    Returns:
        Row name to a list of figures, one for a few-shot row's draws each, and one alone for the
        others.
    """
    found = checkpoint_features(cfg, checkpoint, parts, probes.features, cache, data)
    train, test = found['train'].labelled(), found['test'].labelled()
    validation = _validation(parts['train'], train)
    exclude = _excluded(data or cfg, test.classes)
    rows: MetricRows = {}
    for name, fit in (('linear', linear_probe), ('knn', knn_probe)):
        if name in probes.kinds:
            model = fit(train.values, train.labels, validation)
            figures = accuracies(model.predict(test.values), test.labels, exclude)
            (setting,) = model.best_params_.values()
            rows[_TITLES[name]] = [{**figures, 'setting': float(setting)}]
    if 'few-shot' in probes.kinds:
        for row, shots in zip(probes.rows[len(rows) :], probes.shots):
            draws = few_shot_probe(
                (train.values, train.labels),
                (test.values, test.labels),
                shots,
                probes.ways,
                probes.draws,
                exclude,
            )
            rows[row] = draws
    return rows


_TITLES = {'linear': 'linear probe', 'knn': 'k-NN'}


def _validation(train_cfg: dict, train: Features) -> np.ndarray | None:
    """Rows of the validation part, where the training set is joined from train and val."""
    split = train_cfg.get('split')
    if not isinstance(split, (list, tuple)) or set(split) != {'train', 'val'}:
        return None
    ids = set(sample_ids(train_cfg, split='val'))
    return np.array([name in ids for name in train.ids])


def _excluded(data: Config, classes: Sequence[str]) -> dict[str, list[int]]:
    """Class numbers that the evaluators of a config leave out, by the prefix of their metrics."""
    metrics = data.get('test_evaluator') or []
    return {
        metric['prefix'].replace('zero_shot', 'accuracy'): [
            classes.index(c) for c in metric['exclude']
        ]
        for metric in ([metrics] if isinstance(metrics, dict) else metrics)
        if metric.get('exclude')
    }


@dataclass(frozen=True)
class Ladder:
    """The comparison over furniture folds.

    Attributes:
        config: The pre-training config.
        finetune: Config of a ``ShapeClassifier`` with that backbone; None leaves the row out.
        scratch: The same for training without pre-training.
        folds: Some of 0 to 4.
        seeds: Seeds of pre-training, fine-tuning and training from scratch.
        part: ``'test'`` or ``'val'``, see :class:`FoldRun`.
        out: Folder of all runs.
        checkpoints: Pattern with ``{fold}`` and ``{seed}`` of existing checkpoints, or of work
            folders that hold one; None pre-trains.
        options: Overrides of the pre-training config.
        jobs: Trainings at a time.
        threads: Threads of each.

    Raises:
        ConfigError: A fold has no split file, or ``checkpoints`` would give several folds or seeds
            the same checkpoint, which has then seen the test shapes of the others.
    """

    config: str
    finetune: str | None
    scratch: str | None
    folds: Sequence[int] = (0, 1, 2, 3, 4)
    seeds: Sequence[int] = (0,)
    part: str = 'test'
    out: str = 'work_dirs/probe'
    checkpoints: str | None = None
    options: tuple[str, ...] = ()
    jobs: int = 2
    threads: int = 1
    pairs: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        pairs = [(fold, seed) for fold in self.folds for seed in self.seeds]
        object.__setattr__(self, 'pairs', pairs)
        require_splits(self.folds)
        if self.checkpoints is not None:
            wanted = {'fold', 'seed'} if len(self.seeds) > 1 else {'fold'}
            _require_fields(self.checkpoints, wanted)

    def rows(self, probes: Probes) -> list[str]:
        """Names of the rows of the table."""
        scratch = ['scratch'] if self.scratch else []
        return [*scratch, *probes.rows, *(['fine-tuned'] if self.finetune else [])]

    def _runs(
        self, config: str, row: str, options: Sequence[tuple[str, ...]], keep: bool
    ) -> list[FoldRun]:
        name = f'{"/".join(Path(self.config).with_suffix("").parts[-2:])}/{row}'
        return [
            FoldRun(config, fold, seed, self.part, self.out, more, name, keep=keep)
            for (fold, seed), more in zip(self.pairs, options)
        ]

    def pretrained(self) -> list[Path]:
        """Return the checkpoint of each (fold, seed), training those that are missing."""
        if self.checkpoints is not None:
            named = [self.checkpoints.format(fold=f, seed=s) for f, s in self.pairs]
            return [_checkpoint(Path(path)) for path in named]
        runs = self._runs(self.config, 'pre-training', [self.options] * len(self.pairs), True)
        run_all(runs, self.jobs, self.threads)
        return [last_checkpoint(run.folder) for run in runs]

    def run(self, probes: Probes) -> MetricRows:
        """Run what is not done yet.

        Returns:
            Row name to figures, one per (fold, seed), in the same order in every row; those of a
            few-shot row are means over its draws.
        """
        cfg = Config.fromfile(find_config(self.config))
        checkpoints = self.pretrained()
        rows: MetricRows = {}
        if self.scratch:
            none = [('default_hooks.pretrained.checkpoint=None',)] * len(self.pairs)
            runs = self._runs(self.scratch, 'scratch', none, False)
            rows['scratch'] = list(run_all(runs, self.jobs, self.threads).values())
        cache = Path(self.out) / 'features'
        for (fold, _), path in zip(tqdm(self.pairs, 'probes', disable=None), checkpoints):
            parts = data_parts(cfg, fold, self.part)
            for name, figures in probe(cfg, path, parts, probes, cache).items():
                mean = {key: float(np.mean([one[key] for one in figures])) for key in figures[0]}
                rows.setdefault(name, []).append(mean)
        if self.finetune:
            named = [(f'default_hooks.pretrained.checkpoint={path}',) for path in checkpoints]
            runs = self._runs(self.finetune, 'fine-tuned', named, False)
            rows['fine-tuned'] = list(run_all(runs, self.jobs, self.threads).values())
        return rows


def _require_fields(pattern: str, wanted: set[str]) -> None:
    """Make sure that a pattern of checkpoints has the fields that keep folds and seeds apart."""
    try:
        found = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
    except ValueError:  # a brace without its partner
        found = set()
    if not wanted <= found <= {'fold', 'seed'}:
        fields = ' and '.join(f'{{{name}}}' for name in sorted(wanted))
        raise ConfigError(
            f'--checkpoints {pattern}: expected {fields} in the name, because every fold and seed '
            'has a checkpoint of its own: that of another fold has been trained on the test shapes.'
        )


def _checkpoint(path: Path) -> Path:
    """Return a checkpoint that is there, the last one if the path is a work folder."""
    if path.is_dir():
        return last_checkpoint(path)
    require_checkpoints(path)
    return path
