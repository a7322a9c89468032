"""The figures of a run as one JSON object that anyone can check."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mrd_plugin.studies.references import TEACHER_ROW

_ZERO_SHOT = ('n', 'top1', 'top5', 'mean_class_top1', 'chance_top1')
_RETRIEVAL = ('n', 'r1', 'r5', 'r10', 'chance_r10')
_DIRECTIONS = ('text_to_shape', 'image_to_shape', 'shape_to_text')


def nest_figures(figures: Mapping[str, float]) -> dict[str, Any]:
    """Figures as ``zero_shot: {...}, retrieval: {direction: {...}}``; what can't be said is None.

    Args:
        figures (Mapping): As ``score_embeddings`` gives them.
    """

    def pick(prefix: str, keys: tuple[str, ...]) -> dict[str, float | int | None]:
        found: dict[str, float | int | None] = {}
        for key in keys:
            value = figures.get(f'{prefix}/{key}', math.nan)
            found[key] = None if math.isnan(value) else int(value) if key == 'n' else float(value)
        return found

    return dict(
        zero_shot=pick('zero_shot', _ZERO_SHOT),
        retrieval={name: pick(f'retrieval/{name}', _RETRIEVAL) for name in _DIRECTIONS},
    )


def summarise_run(
    figures: Mapping[str, float], references: Mapping[str, Mapping[str, float]], **facts: Any
) -> dict[str, Any]:
    """The content of ``summary.json``.

    Args:
        figures (Mapping): The student's figures on the test part.
        references (Mapping): Reference rows on the same part.
        **facts: ``train_minutes``, ``n_train``, ``n_test``, ``seed``, ``config``, ``checkpoint``.

    Returns:
        dict: Fractions, not percent. Zero-shot means unseen shapes, seen words.
    """
    nested = nest_figures(figures)
    teacher = nest_figures(references.get(TEACHER_ROW, {}))['zero_shot']['top1']
    return dict(
        train_minutes=facts['train_minutes'],
        n_train=facts['n_train'],
        n_test=facts['n_test'],
        zero_shot={**nested['zero_shot'], 'teacher_top1': teacher},
        retrieval=nested['retrieval'],
        references={name: nest_figures(row) for name, row in references.items()},
        seed=facts['seed'],
        config=facts['config'],
        checkpoint=facts['checkpoint'],
    )
