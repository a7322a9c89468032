import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from mrd_plugin.reports.figures.point_cloud import pack_cloud, turn_y_up
from mrd_plugin.reports.metrics import NOTE, nest_metrics, summarise_run
from mrd_plugin.reports.page import html_page
from mrd_plugin.reports.shape_page import report_page
from mrd_plugin.studies.references import TEACHER_ROW
from tests.test_reports.synthetic import report_data

VOID = {'meta', 'link', 'img', 'br', 'path', 'circle'}


class Reader(HTMLParser):
    """Collects what a page loads and links to, and checks that its tags close."""

    def __init__(self):
        super().__init__()
        self.loads, self.links, self.open, self.scripts = [], [], [], {}
        self.counts = {}

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append((tag, attrs))
        for key in ('src', 'href', 'srcset', 'data', 'poster', 'action', 'xlink:href'):
            if key in attrs:
                (self.links if tag == 'a' else self.loads).append(attrs[key])

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1][0] == 'script' and self.open[-1][1].get('id'):
            self.scripts[self.open[-1][1]['id']] = data


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    return report_page(report_data(tmp_path_factory.mktemp('run')))


def test_the_page_loads_nothing(page):
    reader = read(page)
    assert reader.loads and all(url.startswith('data:') for url in reader.loads)
    assert all(re.match(r'https://creativecommons\.org/|#', url) for url in reader.links)
    assert not re.search(r'url\(|@import|fetch\(|XMLHttpRequest|import\(|\bimport .* from', page)


def test_the_page_has_every_section(page):
    for title in ('Text → shape', 'Image → shape', 'Shape → text', 'Confusion', 'Relations'):
        assert f'<h2>{title}</h2>' in page
    for title in (
        'Loss',
        'Alignment terms',
        'Learned weights',
        'Relation entropies',
        'Logit scale',
    ):
        assert f'<h3>{title}</h3>' in page
    for row in ('MRD (this run)', 'chance', 'random embedding', TEACHER_ROW):
        assert f'<th scope="row">{row}</th>' in page
    assert read(page).counts['figure'] >= 3 + 6


def test_every_zero_shot_section_says_what_it_means(page):
    assert NOTE == 'unseen shapes, seen words'
    for part in re.split('<section>|<li>', page):
        if 'ero-shot' in re.sub('<[^>]*>', '', part).split('<script')[0]:
            assert NOTE in part


def test_texts_are_escaped(page):
    assert 'bed <b>' not in page
    assert 'bed &lt;b&gt;' in page
    assert '“A &lt;chair&gt;” (id-' in page
    assert 'by Ann &amp; Bob, <a href="https://creativecommons.org/licenses/by/3.0/">' in page
    assert '| x | &lt;y&gt; |' in page


def test_every_canvas_has_its_cloud(page):
    clouds = json.loads(read(page).scripts['clouds'])
    asked = set(re.findall(r'data-cloud="([^"]+)"', page))
    assert asked and asked <= set(clouds)
    assert all(cloud['n'] == 40 for cloud in clouds.values())


def test_a_page_without_sections_is_whole():
    page = html_page('a', 'b', [], [], {'</script>': 1})
    assert json.loads(read(page).scripts['clouds']) == {'</script>': 1}


@pytest.mark.parametrize('up', 'xyz')
def test_clouds_decode_to_their_points(up):
    rng = np.random.default_rng(0)
    xyz = rng.uniform(-3, 5, size=(50, 3)).astype(np.float32)
    rgb = rng.uniform(size=(50, 3)).astype(np.float32)
    packed = pack_cloud(xyz, rgb, up, num_points=50)
    steps = np.frombuffer(base64.b64decode(packed['xyz']), '<u2').reshape(-1, 3)
    found = steps / 32767.5 - 1
    order = np.random.default_rng(0).permutation(50)
    turned = turn_y_up(xyz[order].astype(float), up)
    turned -= (turned.max(0) + turned.min(0)) / 2
    turned /= np.linalg.norm(turned, axis=1).max()
    np.testing.assert_allclose(found, turned, atol=2e-5)
    colours = np.frombuffer(base64.b64decode(packed['rgb']), np.uint8).reshape(-1, 3)
    np.testing.assert_allclose(colours / 255, rgb[order], atol=0.5 / 255 + 1e-6)


def test_clouds_are_thinned_and_grey_without_colour():
    packed = pack_cloud(np.random.default_rng(0).normal(size=(5000, 3)), None)
    assert packed['n'] == 1500
    assert set(base64.b64decode(packed['rgb'])) == {128}
    assert len(packed['xyz']) + len(packed['rgb']) < 19_000


@pytest.mark.parametrize('up', 'xyz')
def test_turning_is_a_rotation(up):
    turned = turn_y_up(np.eye(3), up)
    assert np.linalg.det(turned) == pytest.approx(1)
    np.testing.assert_allclose(turned['xyz'.index(up)], [0, 1, 0])


def test_summary_has_exactly_the_agreed_keys(tmp_path):
    data = report_data(tmp_path)
    summary = summarise_run(
        data.metrics,
        data.references,
        train_minutes=1.5,
        n_train=30,
        n_test=12,
        seed=0,
        config='c.py',
        checkpoint='e.pth',
    )
    summary = json.loads(json.dumps(summary, allow_nan=False))
    assert set(summary) == {
        'train_minutes',
        'n_train',
        'n_test',
        'zero_shot',
        'retrieval',
        'references',
        'seed',
        'config',
        'checkpoint',
    }
    assert set(summary['zero_shot']) == {
        'n',
        'top1',
        'top5',
        'mean_class_top1',
        'chance_top1',
        'teacher_top1',
    }
    assert set(summary['retrieval']) == {'text_to_shape', 'image_to_shape', 'shape_to_text'}
    for metrics in summary['retrieval'].values():
        assert set(metrics) == {'n', 'r1', 'r5', 'r10', 'chance_r10'}
    assert summary['zero_shot']['n'] == 12
    assert summary['zero_shot']['teacher_top1'] == data.references[TEACHER_ROW]['zero_shot/top1']
    assert summary['references'][TEACHER_ROW]['retrieval']['image_to_shape']['r1'] is None
    assert summary['references']['chance']['zero_shot']['top1'] == pytest.approx(1 / 3)
    assert nest_metrics({})['zero_shot']['top1'] is None
