from collections import Counter

import numpy as np
import pytest

from mrd_plugin.datasets.shapes.shape_file import read_shape
from mrd_plugin.datasets.shapes.text_image_policy import Candidates, TextImagePolicy, Texts
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.test_datasets.test_shapes.samples import DIM, record, save_pickled


@pytest.fixture
def shape(tmp_path):
    def make(dataset='Objaverse', **changes):
        content = {**record('u', dataset=dataset), **changes}
        save_pickled(tmp_path / 'u.npy', content)
        return content, read_shape(tmp_path / 'u.npy').candidates

    return make


def count_texts(policy, candidates, n=3000, **kwargs):
    return Counter(policy.choose_text(candidates, 'name', **kwargs).text for _ in range(n))


def test_each_source_is_as_likely_as_the_others(shape):
    _, candidates = shape()
    found = count_texts(TextImagePolicy(), candidates)
    groups = Counter()
    for text, count in found.items():
        groups[text.split()[0]] += count
    assert set(groups) == {'raw', 'blip', 'msft', 'found'}  # Objaverse: the first raw text alone
    assert groups['raw'] == pytest.approx(1000, abs=120)
    assert groups['blip'] == pytest.approx(500, abs=100)
    assert groups['found'] == pytest.approx(1000, abs=120)


def test_other_sets_give_any_raw_text(shape):
    _, candidates = shape('ShapeNet')
    found = count_texts(TextImagePolicy(sources=('raw',)), candidates)
    assert set(found) == {'raw u', 'other u'}


def test_gpt_filter_rejects_the_raw_text_of_objaverse_alone(shape):
    _, objaverse = shape()
    policy = TextImagePolicy(sources=('raw',))
    assert set(count_texts(policy, objaverse, 50, raw_text_ok=False)) == {None}
    unfiltered = TextImagePolicy(sources=('raw',), gpt_filter=False)
    assert set(count_texts(unfiltered, objaverse, 50, raw_text_ok=False)) == {'raw u'}
    _, shapenet = shape('ShapeNet')
    assert None not in count_texts(policy, shapenet, 50, raw_text_ok=False)


def test_an_empty_caption_is_no_candidate(shape):
    _, candidates = shape(blip_caption='', text=[], retrieval_text=[])
    found = count_texts(TextImagePolicy(), candidates)
    assert set(found) == {'msft u', None}
    assert found[None] == pytest.approx(1500, abs=150)
    _, silent = shape(blip_caption='', msft_caption='', text=[], retrieval_text=[])
    assert set(count_texts(TextImagePolicy(), silent, 50)) == {None}


def test_features_belong_to_the_chosen_text(shape):
    content, candidates = shape()
    expected = {
        'raw u': content['text_feat'][0]['prompt_avg'],
        'blip u': content['blip_caption_feat']['prompt_avg'],
        'msft u': content['msft_caption_feat']['prompt_avg'],
    }
    for i in range(3):  # retrieved texts use their own feature
        expected[f'found u {i}'] = content['retrieval_text_feat'][i]['original']
    for average in (True, False):
        if not average:
            expected['raw u'] = content['text_feat'][0]['original']
        policy = TextImagePolicy(prompt_average=average)
        for _ in range(60):
            text, feature = policy.choose_text(candidates, 'name')
            if average or text == 'raw u':
                np.testing.assert_array_equal(feature, expected[text][0])


def test_thumbnail_half_of_the_time_and_renderings_otherwise(shape):
    content, candidates = shape()
    thumbnails, views = 0, set()
    for _ in range(1000):
        feature = TextImagePolicy().choose_images(candidates)[0].feature
        if np.array_equal(feature, content['thumbnail_feat']):
            thumbnails += 1
        else:
            views.add(int(np.flatnonzero((content['image_feat'] == feature).all(axis=1))[0]))
    assert thumbnails == pytest.approx(500, abs=70)
    assert views == set(range(12))


def test_a_shape_without_thumbnail_has_renderings_alone(shape):
    content, candidates = shape('ShapeNet', thumbnail_feat=None)
    for _ in range(20):
        feature = TextImagePolicy().choose_images(candidates)[0].feature
        assert (content['image_feat'] == feature).all(axis=1).any()


def test_evaluation_is_fixed(shape):
    content, candidates = shape()
    policy = TextImagePolicy(text='name', image='first')
    for _ in range(10):
        assert policy.choose_text(candidates, 'a chair') == ('a chair', None)
        np.testing.assert_array_equal(
            policy.choose_images(candidates)[0].feature, content['thumbnail_feat']
        )
    text, feature = policy.choose_text(candidates, 'raw u')
    assert text == 'raw u'
    np.testing.assert_array_equal(feature, content['text_feat'][0]['prompt_avg'][0])
    none = TextImagePolicy(text='none', image='none')
    assert none.choose_text(candidates, 'x') == (None, None)
    assert none.choose_images(candidates) == []


def test_image_files():
    shape = Candidates(images=['a.png', 'b.png'])
    paths = {TextImagePolicy().choose_images(shape)[0].path for _ in range(50)}
    assert paths == {'a.png', 'b.png'}
    assert TextImagePolicy(image='first').choose_images(shape)[0] == ('a.png', None)


def test_wrong_feature_dim_and_nan_features_are_bad_samples(shape):
    _, candidates = shape()
    policy = TextImagePolicy(feature_dim=1280)
    with pytest.raises(BadSampleError, match=f'{DIM} numbers, expected feature_dim=1280'):
        policy.choose_text(candidates, 'name')
    with pytest.raises(BadSampleError, match='image feature'):
        policy.choose_images(candidates)
    broken = Candidates(raw=Texts(['a'], original=np.full((1, 3), np.nan)))
    with pytest.raises(BadSampleError, match='NaN'):
        TextImagePolicy().choose_text(broken, 'a')


def which(content, choices):
    """Thumbnail as -1, renderings by their number."""
    found = []
    for choice in choices:
        rows = np.flatnonzero((content['image_feat'] == choice.feature).all(axis=1))
        thumbnail = np.array_equal(choice.feature, content.get('thumbnail_feat'))
        found.append(-1 if thumbnail else int(rows[0]))
    return found


def test_four_images_of_objaverse_are_the_thumbnail_and_three_renderings(shape):
    content, candidates = shape()
    policy = TextImagePolicy(num_images=4)
    drawn = Counter()
    for _ in range(300):
        first, *others = which(content, policy.choose_images(candidates))
        assert first == -1 and len(set(others)) == 3 and -1 not in others
        drawn.update(others)
    assert set(drawn) == set(range(12))
    assert max(drawn.values()) < 2 * min(drawn.values())


def test_four_images_of_other_sets_are_renderings(shape):
    content, candidates = shape('ShapeNet', thumbnail_feat=None)
    for _ in range(20):
        found = which(content, TextImagePolicy(num_images=4).choose_images(candidates))
        assert len(set(found)) == 4 and min(found) >= 0
    _, few = shape('ShapeNet', thumbnail_feat=None, image_feat=content['image_feat'][:2])
    assert len(TextImagePolicy(num_images=4).choose_images(few)) == 4
    first = TextImagePolicy(num_images=3, image='first').choose_images(candidates)
    assert which(content, first) == [0, 1, 2]


def test_files_follow_the_same_rules():
    shape = Candidates(images=[f'{i}.png' for i in range(5)], thumbnail='own.png')
    for _ in range(20):
        first, *others = (
            choice.path for choice in TextImagePolicy(num_images=4).choose_images(shape)
        )
        assert first == 'own.png' and len(set(others)) == 3 and 'own.png' not in others
    only = Candidates(thumbnail='own.png')
    assert [c.path for c in TextImagePolicy(num_images=2).choose_images(only)] == ['own.png'] * 2
    assert TextImagePolicy(num_images=4).choose_images(Candidates()) == []
    with pytest.raises(ConfigError, match='num_images=0'):
        TextImagePolicy(num_images=0)
