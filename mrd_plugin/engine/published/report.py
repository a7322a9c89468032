"""The table that an import prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mrd_plugin.engine.weights import LoadReport

_KINDS = ('matched', 'missing', 'unexpected', 'mismatched')


def table(
    title: str,
    reports: Mapping[str, LoadReport],
    aside: Sequence[str],
    settings: Mapping[str, Mapping[str, Any]],
) -> str:
    """What became of each tensor, and where each setting is from.

    Args:
        title: the file and what it is.
        reports: by part of the network.
        aside: names of tensors that no part needs.
        settings: by origin: the weights, the table of facts, the person.

    Returns:
        A text of several lines.
    """
    lines = [title, f'{"":12}' + ''.join(f'{kind:>12}' for kind in _KINDS)]
    for part, report in reports.items():
        lines.append(f'{part:12}' + ''.join(f'{len(getattr(report, kind)):12}' for kind in _KINDS))
    groups = Counter(_group(name) for name in aside)
    shown = ', '.join(f'{name} ({count})' for name, count in groups.most_common()) or 'nothing'
    lines.append(f'{"set aside":12}{shown}')
    for origin, values in settings.items():
        pairs = ', '.join(f'{key}={value}' for key, value in values.items()) or 'nothing'
        lines.append(f'{origin:12}{pairs}')
    return '\n'.join(lines)


def _group(name: str) -> str:
    """The part of a file that a tensor belongs to: its name without numbers and the last part."""
    parts = name.split('.')[:-1] or [name]
    numbers = [index for index, part in enumerate(parts) if part.isdigit()]
    return '.'.join(parts[: min([*numbers, 4])])
