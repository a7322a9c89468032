"""The table of held-out figures: the student, and what one gets without it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

NOTE = 'unseen shapes, seen words'
"""Stands beside every zero-shot figure: the test shapes are new, their names occur in training."""

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


def figures_table(rows: Mapping[str, Mapping[str, float]], student: str) -> str:
    """Write rows of figures in percent; a bar in each cell shows the share.

    Args:
        rows (Mapping): Row name to figures, as ``score_embeddings`` gives them.
        student (str): The row to stress.

    Returns:
        str: A ``<table>``. NaN is a dash.
    """
    counts = rows[student]
    groups = {
        title: columns
        for title, columns in _GROUPS.items()
        if any(key in counts for key in columns)
    }
    top = ''.join(
        f'<th class="first" scope="colgroup" colspan="{len(columns)}">{escape(title)} '
        f'<small>n\u00a0=\u00a0{counts[next(iter(columns)).rpartition("/")[0] + "/n"]:.0f}</small></th>'
        for title, columns in groups.items()
    )
    second = ''.join(
        f'<th scope="col"{_first(number)}>{title}</th>'
        for columns in groups.values()
        for number, title in enumerate(columns.values())
    )
    body = []
    for name, figures in rows.items():
        cells = ''.join(
            _cell(figures.get(key, math.nan), number)
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
