"""Which logged scalars go into which chart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mrd_plugin.reports.figures.line_chart import Line, line_chart

Series = tuple[Sequence[float], Sequence[float]]
"""Positions (epochs, or iterations in runs by iteration) and finite values of a scalar."""

_NOT_CHARTED = {'time', 'data_time', 'memory', 'base_lr'}
_COLOURS = 6

ChartRule = tuple[str, str, Callable[[str], bool]]
_RULES: tuple[ChartRule, ...] = (
    ('Loss', 'What is minimised: alignment and weighted relations.', lambda key: key == 'loss'),
    (
        'Alignment terms',
        'InfoNCE of points with images and with texts.',
        lambda key: key.startswith('align'),
    ),
    (
        'Pre-training terms',
        'Of an image-to-LiDAR method, weighted; dashed: the contrast of a network that guesses.',
        lambda key: key.startswith(('loss_', 'chance_')),
    ),
    (
        'Codes',
        'How many codes each sensor uses (perplexity).',
        lambda key: key.startswith('perplexity'),
    ),
    ('Code agreement', 'Pairs with one code on both sides.', lambda key: key == 'code_agreement'),
    (
        'Occupancy',
        'Right answers just behind a return, just in front of it, far in front.',
        lambda key: key.startswith('occupancy_'),
    ),
    ('Masked pixels', 'PSNR in decibels where images were masked.', lambda key: 'psnr' in key),
    (
        'Learned weights',
        'How MRD weights its relation terms; flat where the config fixes them.',
        lambda key: key.startswith('weight') and not key.endswith(('_mean', '_alpha')),
    ),
    (
        'Teacher mix',
        'Share of the image teacher in the mixed teacher; the rest is the text teacher.',
        lambda key: key.endswith('_alpha'),
    ),
    (
        'Relation entropies',
        'Of the relation rows, as a share of a uniform row’s; dashed: what the teacher asks for.',
        lambda key: '_entropy_' in key,
    ),
    (
        'Relation terms',
        'Distance of the student’s relations from the teacher’s, unweighted.',
        lambda key: key.startswith(('intra', 'cross')),
    ),
    (
        'Relation terms, running means',
        'The common scale that the terms are divided by before they are weighted.',
        lambda key: key.startswith('weight') and key.endswith('_mean'),
    ),
    (
        'Logit scale',
        'Inverse temperature of the alignment terms.',
        lambda key: key.startswith(('logit_scale', 'scale_')),
    ),
    (
        'Agreement of the teachers',
        'Divergence between image and text relations, and the share of rows that count.',
        lambda key: key.startswith('agreement'),
    ),
    (
        'Training matches',
        'Share of a batch whose nearest image or text is its own.',
        lambda key: key.startswith('match'),
    ),
    ('Gradient norm', 'Before clipping.', lambda key: key == 'grad_norm'),
    ('Learning rate', 'As scheduled.', lambda key: key == 'lr' or key.endswith('/lr')),
)
_OTHER = ('Other', 'Everything else that was logged.')

_FIGURES = {
    'zero_shot/top1': 'zero-shot top-1 (unseen shapes, seen words)',
    'zero_shot/mean_class_top1': 'zero-shot, mean over classes',
    'retrieval/text_to_shape/r10': 'text → shape R@10',
    'retrieval/shape_to_text/r5': 'shape → text R@5',
    'retrieval/image_to_shape/r10': 'image → shape R@10',
}


def training_curves(scalars: Mapping[str, Series], unit: str = 'epoch') -> list[str]:
    """Charts of all scalars that a run logged; a group with many takes several ``<figure>``."""
    groups: dict[tuple[str, str], list[str]] = {(title, note): [] for title, note, _ in _RULES}
    for key, (positions, _) in scalars.items():
        if key not in _NOT_CHARTED and len(positions):
            rule = next(((title, note) for title, note, is_in in _RULES if is_in(key)), _OTHER)
            groups.setdefault(rule, []).append(key)
    charts = []
    for (title, note), keys in groups.items():
        for part in _parts(_without_repeats(scalars, keys)):
            charts.append(line_chart(title, note, _lines(scalars, part), unit))
    return charts


def held_out_curve(figures: Mapping[str, Series], unit: str = 'epoch') -> str | None:
    """Return the chart of metrics taken while training went on; None if that was once at most."""
    lines = [
        Line(name, *figures[key], number)
        for number, (key, name) in enumerate(_FIGURES.items(), 1)
        if len(figures.get(key, ((), ()))[0]) > 1
    ]
    if not lines:
        return None
    return line_chart('Held-out figures', 'Scored while training went on.', lines, unit)


def _thing(key: str) -> str:
    """Return what a scalar is of; student and teacher of one thing share its colour."""
    key = key.replace('_entropy_teacher', '').replace('_entropy_student', '')
    return key.replace('chance_', 'loss_')


def _parts(keys: Sequence[str]) -> list[list[str]]:
    """Cut a group into charts with no more things than there are colours."""
    things = list(dict.fromkeys(_thing(key) for key in keys))
    chart_of = {thing: number // _COLOURS for number, thing in enumerate(things)}
    parts: list[list[str]] = [[] for _ in range(-(-len(things) // _COLOURS))]
    for key in keys:
        parts[chart_of[_thing(key)]].append(key)
    return parts


def _lines(scalars: Mapping[str, Series], keys: Sequence[str]) -> list[Line]:
    colours: dict[str, int] = {}
    lines = []
    for key in keys:
        colour = colours.setdefault(_thing(key), len(colours) + 1)
        name = key.removeprefix('weight_').replace('_entropy_', ', ').replace('_', ' ')
        lines.append(
            Line(
                name,
                *scalars[key],
                colour,
                dashed=key.endswith('_teacher') or key.startswith('chance_'),
            )
        )
    return lines


def _without_repeats(scalars: Mapping[str, Series], keys: Sequence[str]) -> list[str]:
    """Drop the pre-trainer's logit scales where the loss logs the same numbers as its own."""
    own = [scalars[key] for key in keys if key.startswith('scale_')]
    return [key for key in keys if not key.startswith('logit_scale') or scalars[key] not in own]
