import re

import numpy as np
import pytest

from mrd_plugin.evaluation.iou import confusion_counts
from mrd_plugin.reports.figures.confusion import confusion_table
from mrd_plugin.reports.figures.curves import held_out_curve, training_curves
from mrd_plugin.reports.figures.gallery import draw_queries, rank_gallery
from mrd_plugin.reports.figures.line_chart import Line, line_chart, ticks
from mrd_plugin.reports.figures.relations import noun_order, relation_agreement, relation_matrices
from tests.test_reports.synthetic import scalars


def test_every_logged_term_is_charted_once():
    charts = ''.join(training_curves(scalars()))
    terms = re.findall(r'</i>([^<]+) <b>', charts)
    assert sorted(terms) == sorted(
        [
            'loss',
            'align image',
            'align text',
            'intra',
            'cross',
            'intra, teacher',
            'intra, student',
            'intra',
            'cross',
            'intra alpha',
            'scale image',  # logit_scale is the same line
            'match image',
            'grad norm',
            'lr',
        ]
    )
    assert charts.count('line c1 dashed') == 1  # the teacher's entropy


def test_many_terms_take_several_charts():
    charts = training_curves({f'term_{i}': ([1], [2.0]) for i in range(14)})
    assert [chart.count('<li>') for chart in charts] == [6, 6, 2]


def test_nothing_logged_gives_no_charts():
    assert training_curves({}) == [] and held_out_curve({}) is None


def test_held_out_figures_need_two_points():
    assert held_out_curve({'zero_shot/top1': ([5], [0.4])}) is None
    chart = held_out_curve({'zero_shot/top1': ([2, 5], [0.2, 0.4])})
    assert 'zero-shot top-1 (unseen shapes, seen words) <b>0.2 → 0.4</b>' in chart


def test_a_single_value_is_a_dot():
    chart = line_chart('t', 'n', [Line('one', [3], [0.0], 1)])
    assert 'nan' not in chart and '<circle' in chart


def test_long_lines_are_thinned():
    chart = line_chart('t', 'n', [Line('long', range(10_000), range(10_000), 1)])
    assert len(chart) < 20_000
    assert '0 → 1e+04' in chart


@pytest.mark.parametrize('low, high', [(0, 1), (-3, 7.2), (1e-5, 4e-5), (2, 2), (0, 0), (0, 12345)])
def test_ticks_span_the_values(low, high):
    marks = ticks(low, high, 5)
    assert marks[0] <= low + 1e-12 and marks[-1] >= high - 1e-12
    assert 2 <= len(marks) <= 8


def test_confusion():
    counts = confusion_counts(np.array([0, 0, 1, -1]), np.array([0, 2, 1, 2]), 4)
    assert counts.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [0] * 4, [0] * 4]
    table = confusion_table(counts, ['a', 'b', 'c', 'd'])
    assert re.findall(r'scope="row">(\w)', table) == ['a', 'b']
    assert re.findall(r'<span>(\w)', table) == ['a', 'b', 'c']
    assert table.count('--share:0.50') == 2
    many = np.eye(50, dtype=int)
    many[0, 45] = 3
    table = confusion_table(many, [f'c{i}' for i in range(50)])
    assert table.count('<tr>') == 41 and table.count('others') == 1
    assert '--share:0.75' in table


def test_ranking():
    ranking = rank_gallery(3, np.array([0.1, 0.9, 0.5]), np.array([True, False, False]), 2)
    assert ranking.answers == (1, 2) and ranking.right == (False, False)
    assert (ranking.rank, ranking.total) == (3, 3)


def test_queries_are_drawn_by_lot():
    assert draw_queries(3, 5) == [0, 1, 2]
    drawn = draw_queries(100, 6)
    assert len(set(drawn)) == 6 and drawn == draw_queries(100, 6)


def test_relations():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(9, 4))
    nouns = ['b', 'a', 'c', 'a', 'a', 'a', 'b', 'c', 'd']
    assert [nouns[i] for i in noun_order(nouns)] == ['a'] * 4 + ['b', 'b', 'c', 'c']
    assert noun_order(['y', 'x']) == [1, 0]
    assert relation_agreement(rows @ rows.T, 2 * rows @ rows.T + 1) == pytest.approx(1)
    figures = relation_matrices(rows, -rows, rows, nouns)
    assert figures.count('<figure') == 3 and figures.count('Correlation with the student 1.00') == 2
    assert figures.count('<span>a</span>') == figures.count('<span>c</span>') == 3
    crowd = relation_matrices(*[rng.normal(size=(62, 4))] * 3, ['a'] * 60 + ['b'] * 2)
    assert '<span>a</span>' in crowd and '<span>b</span>' not in crowd
