"""Loading weights with a report, and refusing when too few of them match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from mrd_plugin.utils.errors import CheckpointError

_SHOWN = 8


@dataclass(frozen=True)
class LoadReport:
    """What became of each tensor; ``str()`` gives a table.

    Attributes:
        matched: names that were loaded.
        missing: names of the module that the state dict lacks.
        unexpected: names of the state dict that the module lacks.
        mismatched: ``name: module shape, state dict shape`` where both have it and shapes differ.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[str, ...]

    @property
    def coverage(self) -> float:
        """The part of the module's tensors that were loaded, in [0, 1]."""
        total = len(self.matched) + len(self.missing) + len(self.mismatched)
        return len(self.matched) / total if total else 1.0

    def __str__(self) -> str:
        lines = [f'{len(self.matched)} tensors matched ({self.coverage:.1%} of the module)']
        for kind in ('missing', 'unexpected', 'mismatched'):
            names = getattr(self, kind)
            if names:
                more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
                lines.append(f'{len(names)} {kind}: {", ".join(names[:_SHOWN])}{more}')
        return '\n'.join(lines)


def compare_weights(
    own: Mapping[str, torch.Tensor], state_dict: Mapping[str, torch.Tensor]
) -> LoadReport:
    """Compare a module's state dict with another one by names and shapes.

    Args:
        own: of the module; may lie on the meta device.
        state_dict: what would be loaded.

    Returns:
        The report; nothing is loaded.
    """
    fits = {name: name in own and own[name].shape == state_dict[name].shape for name in state_dict}
    return LoadReport(
        matched=tuple(name for name in fits if fits[name]),
        missing=tuple(name for name in own if name not in state_dict),
        unexpected=tuple(name for name in state_dict if name not in own),
        mismatched=tuple(
            f'{name}: {tuple(own[name].shape)}, {tuple(state_dict[name].shape)}'
            for name in fits
            if name in own and not fits[name]
        ),
    )


def load_weights(
    module: nn.Module, state_dict: Mapping[str, torch.Tensor], min_coverage: float = 0.9
) -> LoadReport:
    """Load what matches in name and shape, if it is enough.

    Args:
        module: takes the weights.
        state_dict: tensors by name, named as in ``module.state_dict()``.
        min_coverage: the least part of the module's tensors that must match, in [0, 1].

    Returns:
        The report.

    Raises:
        CheckpointError: fewer match; nothing was loaded. If taking a prefix off the names would
            help, the message says which.
    """
    own = module.state_dict()
    report = compare_weights(own, state_dict)
    if report.coverage < min_coverage:
        raise CheckpointError(
            f'Only {report.coverage:.1%} of the tensors of {type(module).__name__} are in the '
            f'checkpoint, {min_coverage:.1%} are needed{_hint(own, state_dict)}; nothing was loaded. '
            f'{report}'
        )
    module.load_state_dict({name: state_dict[name] for name in report.matched}, strict=False)
    return report


def backbone_weights(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The backbone's tensors of a pre-training checkpoint, without ``backbone.`` in their names.

    Args:
        state_dict: of a pre-trainer, or of a bare backbone, which is returned as it is.
    """
    prefix = 'backbone.'
    named = {k[len(prefix) :]: v for k, v in state_dict.items() if k.startswith(prefix)}
    return named or dict(state_dict)


def _hint(own: Mapping[str, torch.Tensor], state_dict: Mapping[str, torch.Tensor]) -> str:
    """The prefix that most of the module's names wear in the state dict, as advice."""
    counts: dict[str, int] = {}
    for name in state_dict:
        parts = name.split('.')
        for depth in range(1, len(parts)):
            if '.'.join(parts[depth:]) in own:
                prefix = '.'.join(parts[:depth]) + '.'
                counts[prefix] = counts.get(prefix, 0) + 1
    best = max(counts, key=lambda prefix: counts[prefix], default=None)
    if best is None:
        return ''
    return f' ({counts[best]} would match without the prefix {best!r} of their names)'
