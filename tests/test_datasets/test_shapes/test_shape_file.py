import os
import pickle

import numpy as np
import pytest

from mrd_plugin.datasets.shapes.shape_file import read_shape, write_shape
from mrd_plugin.utils.errors import BadSampleError
from tests.test_datasets.test_shapes.samples import record, save_pickled


def save(path, content):
    if path.suffix == '.npy':
        save_pickled(path, content)
    else:
        write_shape(path, content)
    return path


@pytest.mark.parametrize('dataset', ['Objaverse', 'ABO'])
def test_both_forms_hold_the_same_bytes(tmp_path, dataset):
    content = record('u', dataset=dataset)
    one, two = (read_shape(save(tmp_path / f'u{suffix}', content)) for suffix in ('.npy', '.npz'))
    assert one.xyz.tobytes() == two.xyz.tobytes() and one.rgb.tobytes() == two.rgb.tobytes()
    a, b = one.candidates, two.candidates
    assert a.dataset == b.dataset == dataset
    assert a.image_feat.tobytes() == b.image_feat.tobytes()
    assert a.thumbnail_feat.tobytes() == b.thumbnail_feat.tobytes()
    for source in ('raw', 'captions', 'retrieval'):
        left, right = getattr(a, source), getattr(b, source)
        assert list(left.texts) == list(right.texts) and len(left.texts) >= 2
        assert left.original.tobytes() == right.original.tobytes()
        assert left.prompt_avg.tobytes() == right.prompt_avg.tobytes()


def test_own_form_needs_no_pickle(tmp_path):
    path = save(tmp_path / 'u.npz', record('u'))
    with np.load(path, allow_pickle=False) as archive:
        assert all(archive[key].dtype != object for key in archive.files)


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
def test_texts_may_be_missing(tmp_path, suffix):
    content = {**record('u'), 'text': [], 'text_feat': [], 'blip_caption': '', 'retrieval_text': []}
    for key in ('image_feat', 'thumbnail_feat', 'blip_caption_feat', 'retrieval_text_feat'):
        del content[key]
    shape = read_shape(save(tmp_path / f'u{suffix}', content)).candidates
    assert list(shape.raw.texts) == [] and list(shape.retrieval.texts) == []
    assert list(shape.captions.texts) == ['', 'msft u']
    expected = content['msft_caption_feat']['original'][0]
    np.testing.assert_array_equal(shape.captions.feature(1, False), expected)
    assert shape.image_feat is None and shape.thumbnail_feat is None


def changed(**changes):
    return {**record('u'), **changes}


BAD = {
    'NaN': (
        changed(xyz=np.full((5, 3), np.nan, np.float32), rgb=np.zeros((5, 3))),
        '5 of 5 points',
    ),
    'zero points': (changed(xyz=np.zeros((0, 3)), rgb=np.zeros((0, 3))), 'zero points'),
    'two columns': (changed(xyz=np.zeros((5, 2))), r'expected numbers \(N, 3\)'),
    'fewer colours': (changed(rgb=np.zeros((3, 3))), r'expected \(64, 3\)'),
    'colours to 255': (changed(rgb=np.full((64, 3), 200.0)), r'expected \[0, 1\]'),
    'no xyz': ({k: v for k, v in record('u').items() if k != 'xyz'}, 'has no xyz'),
}


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
@pytest.mark.parametrize('case', BAD)
def test_unusable_points_are_named(tmp_path, case, suffix):
    content, message = BAD[case]
    path = save(tmp_path / f'u{suffix}', content)
    with pytest.raises(BadSampleError, match=message) as error:
        read_shape(path)
    assert str(path) in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
def test_missing_and_truncated_files_are_named(tmp_path, suffix):
    path = tmp_path / f'u{suffix}'
    with pytest.raises(BadSampleError, match='no such file') as error:
        read_shape(path)
    assert str(path) in str(error.value)
    save(path, record('u'))
    whole = path.read_bytes()
    for size in (0, 5, 60, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:size])
        with pytest.raises(BadSampleError) as error:
            read_shape(path)
        assert str(path) in str(error.value)


def test_a_malicious_pickle_is_refused_and_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'ran'),)

    save_pickled(tmp_path / 'u.npy', {**record('u'), 'text': Evil()})
    with pytest.raises(BadSampleError, match='refused'):
        read_shape(tmp_path / 'u.npy')
    np.savez(tmp_path / 'v.npz', xyz=np.array([Evil()], dtype=object))
    with pytest.raises(BadSampleError):
        read_shape(tmp_path / 'v.npz')
    (tmp_path / 'w.npz').write_bytes(pickle.dumps(Evil()))  # np.load would unpickle such a file
    with pytest.raises(BadSampleError):
        read_shape(tmp_path / 'w.npz')
    assert not (tmp_path / 'ran').exists()


def test_unknown_endings_are_refused(tmp_path):
    (tmp_path / 'u.txt').write_text('1 2 3')
    with pytest.raises(BadSampleError, match='.npz or .npy'):
        read_shape(tmp_path / 'u.txt')
