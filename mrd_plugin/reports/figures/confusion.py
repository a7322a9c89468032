"""The confusion matrix as an HTML table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

_MOST = 40


def confusion_table(counts: np.ndarray, classes: Sequence[str]) -> str:
    """Write counts as a table, shaded by the share of the row, without the empty classes.

    Args:
        counts: ``(K, K)``, rows are true classes.
        classes: ``K`` names.

    Returns:
        A ``<table>``, common classes first; of many classes the 40 most common, with a column for
        all others.
    """
    total = counts.sum(axis=1)
    by_truth = [int(c) for c in np.argsort(-total, kind='stable') if total[c]]
    said = counts.sum(axis=0)
    only_said = [int(c) for c in np.argsort(-said, kind='stable') if said[c] and not total[c]]
    rows = by_truth[:_MOST]
    columns = (rows + only_said)[:_MOST]
    head = ''.join(f'<th scope="col"><span>{escape(classes[c])}</span></th>' for c in columns)
    others = total - counts[:, columns].sum(axis=1)
    if others[rows].any():
        head += '<th scope="col"><span>others</span></th>'
    body = []
    for row in rows:
        cells = ''.join(_cell(int(counts[row, c]), int(total[row]), row == c) for c in columns)
        if others[rows].any():
            cells += _cell(int(others[row]), int(total[row]), False)
        body.append(
            f'<tr><th scope="row">{escape(classes[row])} '
            f'<small>{total[row]}</small></th>{cells}</tr>'
        )
    return (
        f'<table class="confusion"><thead><tr><td></td>{head}</tr></thead>'
        f'<tbody>{"".join(body)}</tbody></table>'
    )


def _cell(count: int, total: int, right: bool) -> str:
    if not count:
        return '<td class="right"></td>' if right else '<td></td>'
    kind = 'right' if right else 'wrong'
    return f'<td class="{kind}" style="--share:{count / total:.2f}">{count}</td>'
