"""Loading weights with a report, and refusing when too few of them match."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from mrd_plugin.utils.errors import CheckpointError, first_names

_SHOWN = 8
_KINDS = ('matched', 'missing', 'unexpected', 'mismatched')


@dataclass(frozen=True)
class LoadReport:
    """What became of each tensor; ``str()`` gives a table.

    Attributes:
        matched: Names that were loaded.
        missing: Names of the module that the state dict lacks.
        unexpected: Names of the state dict that the module lacks.
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

    def by_part(self) -> dict[str, LoadReport]:
        """Return a report per first word of the names, such as ``backbone``, in their order."""
        parts: dict[str, dict[str, list[str]]] = {}
        for kind in _KINDS:
            for name in getattr(self, kind):
                part = name.partition(':')[0].partition('.')[0]
                groups = parts.setdefault(part, {key: [] for key in _KINDS})
                groups[kind].append(name)
        return {
            part: LoadReport(**{kind: tuple(names) for kind, names in groups.items()})
            for part, groups in parts.items()
        }

    @classmethod
    def joined(cls, reports: Iterable[LoadReport]) -> LoadReport:
        """One report of several."""
        reports = list(reports)
        return cls(
            **{
                kind: tuple(name for one in reports for name in getattr(one, kind))
                for kind in _KINDS
            }
        )

    def __str__(self) -> str:
        lines = [f'{len(self.matched)} tensors matched ({self.coverage:.1%} of the module)']
        for kind in ('missing', 'unexpected', 'mismatched'):
            names = getattr(self, kind)
            if names:
                lines.append(f'{len(names)} {kind}: {first_names(names, _SHOWN)}')
        return '\n'.join(lines)


def compare_weights(
    own: Mapping[str, torch.Tensor], state_dict: Mapping[str, torch.Tensor]
) -> LoadReport:
    """Compare a module's state dict with another one by names and shapes; nothing is loaded.

    Args:
        own: Of the module; may lie on the meta device.
        state_dict: What would be loaded.
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
    """Load what matches in name and shape, if it is enough; return the report.

    Args:
        module: Takes the weights.
        state_dict: Tensors by name, named as in ``module.state_dict()``.
        min_coverage: The least part of the module's tensors that must match, in [0, 1].

    Raises:
        CheckpointError: Fewer match; nothing was loaded. If taking a prefix off the names would
            help, the message says which.
    """
    own = module.state_dict()
    report = compare_weights(own, state_dict)
    require_coverage(report, module, min_coverage, own, state_dict)
    module.load_state_dict({name: state_dict[name] for name in report.matched}, strict=False)
    return report


def require_coverage(
    report: LoadReport,
    module: nn.Module,
    min_coverage: float,
    own: Mapping[str, torch.Tensor],
    whole: Mapping[str, torch.Tensor],
) -> None:
    """Refuse a checkpoint of which too little fits.

    Args:
        report: What would become of each tensor.
        module: What would be loaded.
        min_coverage: The least part of its tensors that must match, in [0, 1].
        own: The module's state dict.
        whole: All tensors of the file under the file's own names, for advice on the prefix.

    Raises:
        CheckpointError: Fewer match.
    """
    if report.coverage < min_coverage:
        raise CheckpointError(
            f'Only {report.coverage:.1%} of the tensors of {type(module).__name__} are in the '
            f'checkpoint, {min_coverage:.1%} are needed{_hint(own, whole)}; nothing was loaded. '
            f'{report}'
        )


def differing_weights(
    own: Mapping[str, torch.Tensor], state_dict: Mapping[str, torch.Tensor], names: Iterable[str]
) -> list[str]:
    """Those of ``names`` whose values in ``own`` are not those in ``state_dict``."""
    return [
        name
        for name in names
        if not torch.equal(own[name].cpu(), state_dict[name].to('cpu', own[name].dtype))
    ]


def coverage_table(reports: Mapping[str, LoadReport]) -> str:
    """Return a row of counts per part of a model, and the first names that did not match."""
    width = max(map(len, reports), default=0) + 2
    lines = [f'{"":{width}}' + ''.join(f'{kind:>12}' for kind in (*_KINDS, 'coverage'))]
    for part, report in reports.items():
        counts = ''.join(f'{len(getattr(report, kind)):12}' for kind in _KINDS)
        lines.append(f'{part:{width}}{counts}{report.coverage:12.1%}')
    joined = LoadReport.joined(reports.values())
    return '\n'.join([*lines, *str(joined).splitlines()[1:]])


def backbone_weights(
    state_dict: Mapping[str, torch.Tensor], prefix: str = 'backbone.'
) -> dict[str, torch.Tensor]:
    """Return the backbone's tensors of a pre-training checkpoint, without ``backbone.``.

    Args:
        state_dict: Of a pre-trainer, or of a bare backbone, which is returned as it is.
        prefix: What the names begin with.
    """
    named = {k[len(prefix) :]: v for k, v in state_dict.items() if k.startswith(prefix)}
    return named or dict(state_dict)


def _hint(own: Mapping[str, torch.Tensor], state_dict: Mapping[str, torch.Tensor]) -> str:
    """Advice on the prefix that most of the names carry on one side alone."""
    for longer, shorter, change in (
        (state_dict, own, 'without the prefix {!r} of'),
        (own, state_dict, 'with the prefix {!r} before'),
    ):
        prefix, count = _common_prefix(longer, shorter)
        if count:
            return f' ({count} would match {change.format(prefix)} their names)'
    return ''


def _common_prefix(longer: Iterable[str], shorter: Container[str]) -> tuple[str, int]:
    """Return the prefix without which most names of one side match, and how many do."""
    counts: dict[str, int] = {}
    for name in longer:
        parts = name.split('.')
        for depth in range(1, len(parts)):
            if '.'.join(parts[depth:]) in shorter:
                prefix = '.'.join(parts[:depth]) + '.'
                counts[prefix] = counts.get(prefix, 0) + 1
    return max(counts.items(), key=lambda item: item[1], default=('', 0))
