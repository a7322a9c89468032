"""The metrics of a run, as one JSON object (``summary.json``) and as a table of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from mrd_plugin.studies.references import TEACHER_ROW

_ZERO_SHOT = ('n', 'top1', 'top5', 'mean_class_top1', 'chance_top1')
_RETRIEVAL = ('n', 'r1', 'r5', 'r10', 'chance_r10')
_DIRECTIONS = ('text_to_shape', 'image_to_shape', 'shape_to_text')


def nest_metrics(metrics: Mapping[str, float]) -> dict[str, Any]:
    """Metrics as ``zero_shot: {...}, retrieval: {direction: {...}}``; None if unknown."""

    def pick(prefix: str, keys: tuple[str, ...]) -> dict[str, float | int | None]:
        found: dict[str, float | int | None] = {}
        for key in keys:
            value = metrics.get(f'{prefix}/{key}', math.nan)
            found[key] = None if math.isnan(value) else int(value) if key == 'n' else float(value)
        return found

    return dict(
        zero_shot=pick('zero_shot', _ZERO_SHOT),
        retrieval={name: pick(f'retrieval/{name}', _RETRIEVAL) for name in _DIRECTIONS},
    )


def summarise_run(
    metrics: Mapping[str, float], references: Mapping[str, Mapping[str, float]], **facts: Any
) -> dict[str, Any]:
    """Return the content of ``summary.json``.

    Args:
        metrics: The student's metrics on the test part.
        references: Reference rows on the same part.
        **facts: ``train_minutes``, ``n_train``, ``n_test``, ``seed``, ``config``, ``checkpoint``.

    Returns:
        Fractions, not percent. Zero-shot means unseen shapes, seen words.
    """
    nested = nest_metrics(metrics)
    teacher = nest_metrics(references.get(TEACHER_ROW, {}))['zero_shot']['top1']
    return dict(
        **facts,
        zero_shot={**nested['zero_shot'], 'teacher_top1': teacher},
        retrieval=nested['retrieval'],
        references={name: nest_metrics(row) for name, row in references.items()},
    )


NOTE = 'unseen shapes, seen words'
"""Shown beside every zero-shot metric: the test shapes are new, their names occur in training."""

_GROUPS = {
    f'Zero-shot ({NOTE})': {
        'zero_shot/top1': 'top-1',
        'zero_shot/top5': 'top-5',
        'zero_shot/mean_class_top1': 'class mean',
    },
    'Text → shape': {f'retrieval/text_to_shape/r{k}': f'R@{k}' for k in (1, 5, 10)},
    'Shape → text': {f'retrieval/shape_to_text/r{k}': f'R@{k}' for k in (1, 5, 10)},
    'Image → shape': {f'retrieval/image_to_shape/r{k}': f'R@{k}' for k in (1, 5, 10)},
}


def metrics_table(rows: Mapping[str, Mapping[str, float]], student: str) -> str:
    """Write rows of metrics in percent; a bar in each cell shows the share.

    Args:
        rows: Row name to metrics, as ``score_embeddings`` gives them.
        student: The row to stress.

    Returns:
        A ``<table>``. NaN is a dash.
    """
    counts = rows[student]
    groups = {
        title: columns
        for title, columns in _GROUPS.items()
        if any(key in counts for key in columns)
    }
    top = ''.join(
        f'<th class="first" scope="colgroup" colspan="{len(columns)}">{escape(title)} '
        f'<small>n\u00a0=\u00a0{counts[next(iter(columns)).rpartition("/")[0] + "/n"]:.0f}</small>'
        '</th>'
        for title, columns in groups.items()
    )
    second = ''.join(
        f'<th scope="col"{_first(number)}>{title}</th>'
        for columns in groups.values()
        for number, title in enumerate(columns.values())
    )
    body = []
    for name, metrics in rows.items():
        cells = ''.join(
            _cell(metrics.get(key, math.nan), number)
            for columns in groups.values()
            for number, key in enumerate(columns)
        )
        stress = ' class="student"' if name == student else ''
        body.append(f'<tr{stress}><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        f'<table class="figures"><thead><tr><th></th>{top}</tr><tr><th></th>{second}</tr></thead>'
        f'<tbody>{"".join(body)}</tbody></table>'
    )


def _first(number: int) -> str:
    return ' class="first"' if number == 0 else ''


def _cell(value: float, number: int) -> str:
    if math.isnan(value):
        return f'<td{_first(number)}>–</td>'
    return f'<td{_first(number)} style="--share:{value:.3f}">{100 * value:.1f}</td>'
