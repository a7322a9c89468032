"""Loads pre-trained weights into a downstream run, and checks that they have arrived."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop
from torch import nn

from mrd_plugin.compat.spconv_weights import keep_kernels
from mrd_plugin.engine.checkpoints.geometry import check_meta
from mrd_plugin.engine.checkpoints.matching import (
    LoadReport,
    compare_weights,
    coverage_table,
    differing_weights,
    load_weights,
    require_coverage,
)
from mrd_plugin.engine.checkpoints.sources import Source, find_sources, read_source, submodule
from mrd_plugin.utils.errors import CheckpointError, ConfigError

_KEY = 'default_hooks.pretrained.checkpoint'


@HOOKS.register_module()
class PretrainedCoverageHook(Hook):
    """Load a pre-trained backbone, or check what the config loads by other means.

    With ``checkpoint`` the hook itself loads ``model.<module>``, also where a module takes no
    ``init_cfg`` (``SparseEncoder`` of SECOND and CenterPoint). Without it, it finds every
    ``init_cfg=dict(type='Pretrained')`` below ``model`` and ``load_from``, reads those files again
    and compares. Either way it logs a table of what matched, is missing, is unexpected and has
    another shape, stops under ``min_coverage``, stops where the checkpoint's voxel size, coordinate
    system, input channels, up axis or normalisation contradict the config, and makes sure that the
    values really lie in the module. A resumed run and a test load nothing: their own checkpoint
    holds all.

    Of ``load_from``, modules of which the file says nothing (a new head) are left out of the
    coverage; ``module`` never is.

    Args:
        checkpoint: A pre-training checkpoint, or a bare backbone. Defaults to None: what the config
            loads by other means, or training from scratch.
        module: The part of the model that the checkpoint is for, e.g. ``'middle_encoder'`` of
            SECOND; dots lead further down. Defaults to 'backbone'.
        prefix: What the names of those tensors begin with in the checkpoint. A file without such
            names is a bare backbone and is taken as it is. Defaults to 'backbone.'.
        min_coverage: The least part of the module's tensors that must match in name and shape, in
            (0, 1]. Defaults to 0.9.

    Raises:
        ConfigError: If ``min_coverage`` is out of its range.
    """

    def __init__(
        self,
        checkpoint: str | None = None,
        module: str = 'backbone',
        prefix: str = 'backbone.',
        min_coverage: float = 0.9,
    ) -> None:
        if not 0 < min_coverage <= 1:
            raise ConfigError(
                f'default_hooks.pretrained.min_coverage={min_coverage}: expected a number above 0 '
                'and at most 1.'
            )
        self.checkpoint = checkpoint
        self.module = module
        self.prefix = prefix and f'{prefix.rstrip(".")}.'
        self.min_coverage = min_coverage

    def before_run(self, runner) -> None:
        """Look at the files before MMEngine loads them: it stops without a sentence, or not at all.

        Raises:
            ConfigError: There is no such file, or it contradicts the config.
            CheckpointError: It can't be read or does not fit.
        """
        keep_kernels()  # by now MMDetection3D has changed spconv, if the model needs the two
        trains = isinstance(runner._train_loop, BaseLoop)  # a test builds no such loop
        if not trains or runner._resume:
            return
        model = _unwrapped(runner.model)
        for source in self._sources(runner.cfg, model):
            if source.is_local and source.key != _KEY:
                self._examine(runner.cfg, model, source)

    def before_train(self, runner) -> None:
        """Load what is to be loaded here and check what MMEngine loaded, unless it was resumed.

        Raises:
            ConfigError: There is no such checkpoint, or the config contradicts it.
            CheckpointError: It can't be read, does not fit, or is not in the model after all.
        """
        if runner.iter > 0:
            return
        model = _unwrapped(runner.model)
        sources = self._sources(runner.cfg, model)
        if not sources:
            print_log('No pre-trained weights: training from scratch.', 'current')
        later: set[str] = set()  # what a source after this one has written
        for source in reversed(sources):
            state, rows = self._examine(runner.cfg, model, source)
            module = submodule(model, source)
            if source.key == _KEY:
                load_weights(module, state, self.min_coverage)
            place = f'{source.module}.' if source.module else ''
            matched = [
                name
                for report in rows.values()
                for name in report.matched
                if f'{place}{name}' not in later
            ]
            _prove(source, module, state, matched)
            later.update(f'{place}{name}' for name in matched)
            print_log(f'{source.key}: {source.checkpoint}\n{coverage_table(rows)}', 'current')

    def _sources(self, cfg: Any, model: nn.Module) -> list[Source]:
        """All that the run starts from, in the order in which it is loaded."""
        found = find_sources(cfg, model)
        if self.checkpoint is None:
            return found
        own = Source(_KEY, str(self.checkpoint), self.module, self.prefix)
        for other in found:
            if own.overlaps(other):
                raise ConfigError(
                    f'{other.key}={other.checkpoint!r} and {_KEY}={own.checkpoint!r} would both '
                    f'set model.{self.module}; set one of them to None.'
                )
        return [*found, own]

    def _examine(
        self, cfg: Any, model: nn.Module, source: Source
    ) -> tuple[dict[str, Any], dict[str, LoadReport]]:
        """Return a source's tensors under the module's own names, and a report per row."""
        module = submodule(model, source)
        own = module.state_dict()
        contents = read_source(source, own)
        try:
            check_meta(contents.meta, cfg, source.module or None)
        except ConfigError as error:
            raise ConfigError(f'{source.key}={source.checkpoint!r}: {error}') from error
        report = compare_weights(own, contents.state)
        rows = {source.module: report} if source.module else report.by_part()
        if report.matched:  # else the file is of another model, and all of it counts
            asked = self.module.partition('.')[0]
            report = LoadReport.joined(
                row
                for part, row in rows.items()
                if row.matched or row.mismatched or row.unexpected or part == asked
            )
        try:
            require_coverage(report, module, self.min_coverage, own, contents.whole)
        except CheckpointError as error:
            text = str(error).replace('\n', '; ')
            raise CheckpointError(f'{source.key}={source.checkpoint!r}: {text}') from error
        return contents.state, rows


def _prove(source: Source, module: nn.Module, state: dict[str, Any], names: list[str]) -> None:
    """Stop if a tensor that fits is not in the module."""
    absent = differing_weights(module.state_dict(), state, names)
    if absent:
        where = f'model.{source.module}' if source.module else 'the model'
        raise CheckpointError(
            f'{source.key}={source.checkpoint!r}: {len(absent)} of {len(names)} tensors that fit '
            f'{where} are not in it after loading (first {absent[0]!r}), so '
            f'{type(module).__name__} ignores or overwrites them; load the file with '
            "default_hooks.pretrained=dict(type='PretrainedCoverageHook', checkpoint=..., "
            f'module={source.module!r}) instead.'
        )


def _unwrapped(model: Any) -> nn.Module:
    return model.module if is_model_wrapper(model) else model
