import builtins
import os
import pickle

import numpy as np
import pytest

from mrd_plugin.utils.errors import BadSampleError
from mrd_plugin.utils.safe_pickle import load_npy, load_pickled_npy


def sample():
    return {
        'id': 'scopia-0001-chair',
        'group': None,
        'xyz': np.arange(12, dtype=np.float32).reshape(4, 3),
        'rgb': np.asfortranarray(np.linspace(0, 1, 12).reshape(4, 3)),
        'text': ['a chair', 'ein Stühl'],
        'text_feat': [{'original': np.ones((1, 5), np.float16), 'prompt_avg': np.zeros((0, 5))}],
        'names': np.array(['a', 'bé']),
        'flags': (True, False, np.bool_(True)),
        'scale': np.float32(0.25),
        'count': np.int64(7),
        'size': 1.5,
        'big': np.arange(3, dtype='>i4'),
        'raw': b'',
    }


def assert_same(got, want):
    assert type(got) is type(want)
    if isinstance(want, dict):
        assert list(got) == list(want)
        for key in want:
            assert_same(got[key], want[key])
    elif isinstance(want, (list, tuple)):
        assert len(got) == len(want)
        for one, other in zip(got, want):
            assert_same(one, other)
    elif isinstance(want, np.ndarray):
        assert got.dtype == want.dtype and got.shape == want.shape
        assert got.flags.writeable
        for one, other in zip(got.flat, want.flat):
            assert_same(one, other) if want.dtype == object else None
        if want.dtype != object:
            np.testing.assert_array_equal(got, want)
    else:
        assert got == want


def write(path, payload, protocol=None):
    """A .npy with an object array of shape () around a pickle given as bytes or as a value."""
    with open(path, 'wb') as file:
        header = {'descr': '|O', 'fortran_order': False, 'shape': ()}
        np.lib.format.write_array_header_1_0(file, header)
        if not isinstance(payload, bytes):
            array = np.empty((), object)
            array[()] = payload
            payload = pickle.dumps(array, protocol=protocol or 3)
        file.write(payload)
    return path


@pytest.mark.parametrize('protocol', [0, 1, 2, 3, 4])
def test_reads_a_dict_of_every_protocol(tmp_path, protocol):
    assert_same(load_pickled_npy(write(tmp_path / 'a.npy', sample(), protocol)), sample())


def test_reads_what_numpy_saves(tmp_path):
    np.save(tmp_path / 'a.npy', sample(), allow_pickle=True)
    assert_same(load_pickled_npy(tmp_path / 'a.npy'), sample())


@pytest.mark.parametrize('name', [b'numpy.core', b'numpy._core'])
def test_reads_both_names_of_numpy(tmp_path, name):
    array = np.empty((), object)
    array[()] = {'xyz': np.ones((2, 3), np.float32)}
    payload = pickle.dumps(array, protocol=0)  # text, so that names can be replaced
    payload = payload.replace(b'numpy._core', b'numpy.core').replace(b'numpy.core', name)
    assert_same(load_pickled_npy(write(tmp_path / 'a.npy', payload)), array.item())


def test_reads_object_arrays_and_plain_arrays(tmp_path):
    clouds = np.empty(2, object)
    clouds[0], clouds[1] = {'xyz': np.zeros((5, 3))}, {'xyz': np.ones((4, 3))}
    np.save(tmp_path / 'objects.npy', clouds, allow_pickle=True)
    np.save(tmp_path / 'plain.npy', np.eye(3))
    assert_same(load_npy(tmp_path / 'objects.npy'), clouds)
    assert_same(load_npy(tmp_path / 'plain.npy'), np.eye(3))
    with pytest.raises(BadSampleError, match='expected one pickled dict, got an array of shape'):
        load_pickled_npy(tmp_path / 'plain.npy')


class Calls:
    """Pickles as a call of ``function(*args)``."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


@pytest.mark.parametrize(
    ('function', 'args', 'named'),
    [
        (os.system, ('touch {}',), 'posix.system'),
        (builtins.eval, ('open("{}", "w")',), 'builtins.eval'),
        (builtins.getattr, (np.ndarray, 'tofile'), 'builtins.getattr'),
        (np.load, ('{}',), 'numpy'),
        (np.ndarray, ((4,),), 'numpy.ndarray as a function'),
    ],
)
def test_refuses_calls_and_names_them(tmp_path, function, args, named):
    touched = tmp_path / 'touched'
    args = tuple(a.format(touched) if isinstance(a, str) else a for a in args)
    path = write(tmp_path / 'evil.npy', {'xyz': Calls(function, *args)})
    with pytest.raises(BadSampleError, match=named) as caught:
        load_pickled_npy(path)
    message = str(caught.value)
    assert 'evil.npy' in message and '\n' not in message
    assert not touched.exists()


@pytest.mark.parametrize('payload', [b'cnumpy\nndarray\n.', b"cnumpy\ndtype\n(S'O'\ntR."])
def test_refuses_bare_classes(tmp_path, payload):
    with pytest.raises(BadSampleError, match='a bare class'):
        load_pickled_npy(write(tmp_path / 'evil.npy', payload))


def test_refuses_forged_arrays(tmp_path):
    array = pickle.dumps(np.zeros(2), protocol=0)
    objects = write(tmp_path / 'objects.npy', array.replace(b'f8', b'O8'))
    void = write(tmp_path / 'void.npy', array.replace(b'f8', b'V8'))
    # BUILD with a slot state would set attributes on the function it is given
    patch = b"cnumpy\ndtype\n(N(dS'_call'\nNstb."
    for path in (objects, void, write(tmp_path / 'patch.npy', patch)):
        with pytest.raises(BadSampleError, match=path.name):
            load_pickled_npy(path)


def test_truncated_at_any_point_is_a_bad_sample(tmp_path):
    np.save(tmp_path / 'whole.npy', sample(), allow_pickle=True)
    whole = (tmp_path / 'whole.npy').read_bytes()
    path = tmp_path / 'cut.npy'
    for length in [*range(0, 200, 7), len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(BadSampleError, match='cut.npy.*truncated or damaged'):
            load_pickled_npy(path)


def test_missing_file_stays_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_pickled_npy(tmp_path / 'none.npy')
