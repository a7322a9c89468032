"""The page of a shape run, section by section."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrd_plugin.evaluation.iou import confusion_counts
from mrd_plugin.reports.attributions import credits_section
from mrd_plugin.reports.figures.confusion import confusion_table
from mrd_plugin.reports.figures.curves import Series, held_out_curve, training_curves
from mrd_plugin.reports.figures.examples import draw_examples
from mrd_plugin.reports.figures.gallery import draw_queries
from mrd_plugin.reports.figures.relations import relation_matrices
from mrd_plugin.reports.metrics import NOTE, metrics_table
from mrd_plugin.reports.page import Section, Tile, html_page
from mrd_plugin.studies.references import TEACHER_ROW
from mrd_plugin.studies.shape_table import ShapeTable

Metrics = Mapping[str, float]

_MOST_RELATED = 600
"""Shapes in the relation matrices; of a larger test part so many are drawn at random."""


@dataclass(frozen=True)
class ReportData:
    """Everything that a page shows.

    Attributes:
        title: Heading.
        subtitle: HTML under it.
        student: Name of the student's row.
        metrics: The student's metrics on the test part.
        references: Reference rows on the same part.
        table: The test part, ``m`` shapes.
        embedding: ``(m, D)`` student's embeddings, unit length.
        nouns: ``m`` head nouns.
        classes: ``K`` class names.
        images: ``m`` paths of images or None.
        cloud: Packs the cloud of a test shape by its row, see ``pack_cloud``.
        scalars: What training logged, by name.
        held_out: Metrics taken while training went on, by name.
        unit: What their positions are, 'epoch' or 'iteration'.
        train_minutes: Time spent in training iterations.
        n_train: Shapes that the student learned from.
        records: Name, creator and licence of shapes by id; may be empty.
        attribution: Content of ``ATTRIBUTION.md``; may be empty.
    """

    title: str
    subtitle: str
    student: str
    metrics: Metrics
    references: Mapping[str, Metrics]
    table: ShapeTable
    embedding: np.ndarray
    nouns: Sequence[str]
    classes: Sequence[str]
    images: Sequence[str | None]
    cloud: Callable[[int], dict[str, Any]]
    scalars: Mapping[str, Series]
    held_out: Mapping[str, Series]
    unit: str
    train_minutes: float
    n_train: int
    records: Mapping[str, Mapping[str, Any]]
    attribution: str


def report_page(data: ReportData) -> str:
    """Write the page, one self-contained HTML file."""
    examples = draw_examples(data.table, data.embedding, data.images)
    sections = [
        _metrics_section(data),
        *_example_sections(examples.html),
        *_confusion_section(data),
        *_relations_section(data),
        *_training_section(data),
        _credits(data, examples.shown),
    ]
    clouds = {data.table.ids[row]: data.cloud(row) for row in examples.shown}
    return html_page(data.title, data.subtitle, _tiles(data), sections, clouds)


def _tiles(data: ReportData) -> list[Tile]:
    chance = data.references['chance']
    teacher = data.references.get(TEACHER_ROW, {})
    wanted = {
        'zero_shot/top1': 'Zero-shot top-1',
        'retrieval/text_to_shape/r10': 'Text → shape R@10',
        'retrieval/shape_to_text/r5': 'Shape → text R@5',
        'retrieval/image_to_shape/r10': 'Image → shape R@10',
    }
    tiles = []
    for key, title in wanted.items():
        if key not in data.metrics:
            continue
        count = data.metrics[key.rpartition('/')[0] + '/n']
        note = f'n = {count:.0f}; chance {percent(chance[key])}'
        if not math.isnan(teacher.get(key, math.nan)):
            note += f', untrained teacher {percent(teacher[key])}'
        if key.startswith('zero_shot'):
            note = f'{NOTE}; {note}'
        tiles.append(Tile(percent(data.metrics[key]), title, note))
    note = f'{data.n_train} shapes, {len(data.table.ids)} more to test'
    tiles.append(Tile(f'{data.train_minutes:.1f} min', 'Training', note))
    return tiles


def _metrics_section(data: ReportData) -> Section:
    rows = {data.student: data.metrics, **data.references}
    count, top1 = data.metrics['zero_shot/n'], data.metrics['zero_shot/top1']
    error = math.sqrt(top1 * (1 - top1) / count) if count else math.nan
    intro = (
        f'Percent, on {len(data.table.ids)} test shapes. Zero-shot is over {len(data.classes)} '
        f'nouns and means <b>{NOTE}</b>: no test shape, nor a near-duplicate of one, was trained '
        'on, but their names occur among the training captions. The untrained teacher has not seen '
        'these names; the ridges learned from the same shapes as the student.'
    )
    note = (
        f'<p class="note">One split of {count:.0f} shapes with a noun has a standard error of '
        f'about {100 * error:.0f} points on zero-shot top-1. Cross-validation is in '
        'configs/mrd/README.md. '
        'For the icon ridge image → shape is easier than for the student: the query is its own '
        'input. For the teacher the query would be the answer.</p>'
    )
    body = f'<div class="scroll">{metrics_table(rows, data.student)}</div>{note}'
    return Section('What it learned, beside what one gets without it', intro, body)


def _example_sections(html: Mapping[str, str]) -> list[Section]:
    note = 'Queries are drawn at random, the gallery is the whole test part, numbers are cosines.'
    texts = {
        'text': (
            'Text → shape',
            f'A name, and the five shapes nearest to it. {note} A green frame is a shape of that '
            'very name. Drag a shape to turn it, double-click to turn it back.',
        ),
        'image': (
            'Image → shape',
            'An image through the teacher’s image tower, and the five nearest shapes. A green '
            'frame is the shape that the image shows.',
        ),
        'shape': ('Shape → text', 'A shape, and the five nearest of all names in the test part.'),
    }
    sections = []
    for kind, (title, intro) in texts.items():
        if kind in html:
            body = f'<div class="described">{html[kind]}</div>' if kind == 'shape' else html[kind]
            sections.append(Section(title, intro, body))
    return sections


def _confusion_section(data: ReportData) -> list[Section]:
    labels = data.table.labels
    if not (labels >= 0).any():
        return []
    predicted = (data.embedding @ data.table.prototypes.T).argmax(axis=1)
    counts = confusion_counts(labels, predicted, len(data.classes))
    body = f'<div class="scroll">{confusion_table(counts, data.classes)}</div>'
    intro = (
        f'Zero-shot ({NOTE}): rows are the true nouns with their number of test shapes, columns '
        'what the student says. Outlined cells are right; nouns without a test shape have no row.'
    )
    return [Section('Confusion', intro, body)]


def _relations_section(data: ReportData) -> list[Section]:
    both = np.flatnonzero(data.table.image.any(axis=1) & data.table.text.any(axis=1))
    if len(both) < 3:
        return []
    if len(both) > _MOST_RELATED:
        both = both[draw_queries(len(both), _MOST_RELATED)]
    matrices = relation_matrices(
        data.table.image[both],
        data.table.text[both],
        data.embedding[both],
        [data.nouns[row] for row in both],
    )
    intro = (
        'Pairwise similarity: cosines between test shapes sorted by noun, of the nouns with more '
        'than one test shape. Relation distillation asks that the third matrix have the structure '
        'of the first two. Each is shaded from the 2nd to the 99th percentile over '
        f'{len(both)} shapes, and correlations are over all their pairs.'
    )
    return [Section('Relations', intro, f'<div class="matrices">{matrices}</div>')]


def _training_section(data: ReportData) -> list[Section]:
    charts = training_curves(data.scalars, data.unit)
    held_out = held_out_curve(data.held_out, data.unit)
    if held_out:
        charts.insert(1, held_out)
    if not charts:
        return []
    intro = (
        'Every scalar that was logged; losses are means over the logger’s window, the rest is of '
        'the step itself. The legend gives the first and the last value, under the pointer the '
        'value there.'
    )
    return [Section('Training', intro, f'<div class="charts">{"".join(charts)}</div>')]


def _credits(data: ReportData, shown: Sequence[int]) -> Section:
    known = [data.records[i] for i in (data.table.ids[row] for row in shown) if i in data.records]
    return Section(
        'Attribution',
        'Who made the shapes and images, and under which licence.',
        credits_section(known, data.attribution),
    )


def percent(share: float) -> str:
    """Return a share as text in percent."""
    return f'{100 * share:.1f}\u202f%'
