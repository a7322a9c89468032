"""Reading numpy pickles without trusting them.

OpenShape ships each shape as a ``.npy`` file that holds a pickled dict, and mm checkpoints hold
pickled numpy values. ``np.load(allow_pickle=True)`` would run whatever such a file asks for. Here a
pickle may name the few globals that numpy arrays, scalars and dtypes need, and even those are
served by stand-ins of this module: a stand-in checks what it is given before it calls numpy, so
that a forged dtype can't turn bytes into object pointers either.
"""

from __future__ import annotations

import ast
import math
import pickle
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mrd_plugin.utils.errors import BadSampleError

_MAGIC = b'\x93NUMPY'
_MAX_HEADER = 64 * 1024
_LEAVES = frozenset((bool, bytes, float, int, str, type(None)))
_VALUE_KINDS = 'biufcSU'  # booleans, numbers and strings


class UnsafePickleError(pickle.UnpicklingError):
    """The pickle asks for something that plain data never needs; the message names it."""


class PickledDtype:
    """A dtype as a pickle describes it; ``dtype`` is a checked numpy dtype.

    Only booleans, numbers, strings and ``object`` (a list of such values) are admitted.
    """

    def __init__(self, code: Any, *_: Any) -> None:
        try:
            self.dtype = np.dtype(code if isinstance(code, str) else str(code, 'ascii'))
        except (TypeError, ValueError) as error:
            raise UnsafePickleError(f'the array type {code!r}') from error
        if self.dtype.kind not in _VALUE_KINDS + 'O' or self.dtype.subdtype is not None:
            raise UnsafePickleError(f'the array type {self.dtype.str}')

    def __setstate__(self, state: Any) -> None:
        _, order, subdtype, names, fields = state[:5]
        if subdtype or names or fields:
            raise UnsafePickleError('a structured array type')
        order = order if isinstance(order, str) else str(order, 'ascii')
        if order in ('<', '>') and self.dtype.kind != 'O':
            self.dtype = np.dtype(order + self.dtype.str[1:])


class PickledObject:
    """What replaces an object of a pickle until :func:`plain` puts ``value`` in its place."""

    value: Any


class PickledArray(PickledObject):
    """An array as a pickle describes it; ``value`` is a new numpy array that owns its memory."""

    value: np.ndarray

    def __setstate__(self, state: Any) -> None:
        *_, shape, pickled, fortran, raw = state
        if not isinstance(pickled, PickledDtype):
            raise UnsafePickleError(f'an array of type {type(pickled).__name__}')
        size, dtype = math.prod(shape), pickled.dtype
        if dtype.kind == 'O':
            if not isinstance(raw, list) or len(raw) != size:
                raise pickle.UnpicklingError(f'an object array of shape {shape} lacks its items')
            flat = np.empty(size, dtype=object)
            for index, item in enumerate(raw):
                flat[index] = item
        else:
            raw = raw.encode('latin1') if isinstance(raw, str) else bytes(raw)
            if len(raw) != size * dtype.itemsize:
                raise pickle.UnpicklingError(
                    f'an array of shape {shape} and type {dtype.str} has {len(raw)} bytes'
                )
            flat = np.frombuffer(raw, dtype).copy() if raw else np.empty(size, dtype)
        self.value = flat.reshape(shape, order='F' if fortran else 'C')


class Served:
    """What an unpickler hands out in place of a global: it can be called and not be changed."""

    __slots__ = ('_call',)
    _call: Callable[..., Any]

    def __init__(self, call: Callable[..., Any]) -> None:
        object.__setattr__(self, '_call', call)

    def __setattr__(self, name: str, value: Any) -> None:
        raise UnsafePickleError(f'a change of {name}')

    def __call__(self, *args: Any) -> Any:
        """Do what the global would do, as far as it is admitted."""
        return self._call(*args)


def _array_class(*_: Any) -> Any:
    raise UnsafePickleError('numpy.ndarray as a function')


def _scalar(pickled: Any, raw: Any = b'') -> Any:
    """Return a numpy scalar from its dtype and bytes."""
    if not isinstance(pickled, PickledDtype) or pickled.dtype.kind == 'O':
        raise UnsafePickleError('a scalar that is neither number nor string')
    raw = raw.encode('latin1') if isinstance(raw, str) else bytes(raw)
    if len(raw) != pickled.dtype.itemsize:
        raise pickle.UnpicklingError(f'a {pickled.dtype.str} scalar has {len(raw)} bytes')
    return np.frombuffer(raw, pickled.dtype)[0] if raw else pickled.dtype.type()


def _encode(text: Any, encoding: Any = 'latin1') -> bytes:
    """Return the bytes of protocols 0 to 2, which spell them as latin-1 text."""
    if encoding not in ('latin1', 'latin-1'):
        raise UnsafePickleError(f'the codec {encoding}')
    return text.encode('latin1')


def _no_bytes(*args: Any) -> bytes:
    """Empty bytes, which protocols 0 to 2 spell as a call without arguments."""
    if args:
        raise UnsafePickleError('builtins.bytes with arguments')
    return b''


def _numpy_globals() -> dict[str, Any]:
    """Stand-ins by full name, for the module names of numpy 1 and of numpy 2."""
    stand_ins: dict[str, Any] = {
        'numpy.ndarray': Served(_array_class),
        'numpy.dtype': Served(PickledDtype),
    }
    for core in ('numpy.core', 'numpy._core'):
        stand_ins[f'{core}.multiarray._reconstruct'] = Served(lambda *_: PickledArray())
        stand_ins[f'{core}.multiarray.scalar'] = Served(_scalar)
    return stand_ins


NUMPY_GLOBALS: Mapping[str, Any] = _numpy_globals()
_BYTES_GLOBALS: Mapping[str, Any] = {
    '_codecs.encode': Served(_encode),
    'builtins.bytes': Served(_no_bytes),
    '__builtin__.bytes': Served(_no_bytes),
}


class PlainUnpickler(pickle.Unpickler):
    """An unpickler for numpy arrays, strings, numbers, booleans, None, lists, tuples and dicts."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for ``module.name``.

        Raises:
            UnsafePickleError: For every global that plain data does not need.
        """
        full_name = f'{module}.{name}'
        stand_in = NUMPY_GLOBALS.get(full_name) or _BYTES_GLOBALS.get(full_name)
        if stand_in is None:
            raise UnsafePickleError(full_name)
        return stand_in


def plain(value: Any) -> Any:
    """Replace each stand-in inside ``value`` by what it represents; dicts and lists stay."""
    if type(value) in _LEAVES:
        return value
    if isinstance(value, PickledObject):
        value = value.value
    if isinstance(value, dict):
        for key, item in value.items():
            if type(item) not in _LEAVES:
                value[key] = plain(item)
    elif isinstance(value, list):
        if not _LEAVES.issuperset(map(type, value)):  # long lists of numbers are the rule
            value[:] = [plain(item) for item in value]
    elif type(value) is tuple:
        value = tuple(plain(item) for item in value)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        flat = value.reshape(-1)
        for index in range(flat.size):
            flat[index] = plain(flat[index])
        value = flat.reshape(value.shape)
    elif isinstance(value, (PickledDtype, Served)):
        raise UnsafePickleError('a bare class')
    return value


def _read_header(file: BinaryIO) -> dict[str, Any]:
    """Return the header of a ``.npy`` file (format versions 1 to 3)."""
    start = file.read(8)
    if start[:6] != _MAGIC or len(start) < 8 or start[6] not in (1, 2, 3):
        raise ValueError('it does not start like a .npy file')
    length_format = '<H' if start[6] == 1 else '<I'
    (length,) = struct.unpack(length_format, file.read(struct.calcsize(length_format)))
    text = file.read(min(length, _MAX_HEADER))
    if length > _MAX_HEADER or len(text) != length:
        raise ValueError('its header is cut short')
    header = ast.literal_eval(text.decode('utf8' if start[6] == 3 else 'latin1'))
    if not isinstance(header, dict) or not {'descr', 'shape', 'fortran_order'} <= set(header):
        raise ValueError('its header lacks descr, shape or fortran_order')
    return header


@contextmanager
def _open_untrusted(path: str | Path, kind: str, unsafe_reader: str) -> Iterator[BinaryIO]:
    """Open a file, and name it where reading it fails."""
    try:
        with open(path, 'rb') as file:
            yield file
    except FileNotFoundError:
        raise
    except UnsafePickleError as error:
        raise BadSampleError(
            f'{path}: refused, because its pickle asks for {error}; it may hold numpy arrays, '
            'strings, numbers, lists and dicts only. Get the file from its source again, and do '
            f'not open this one with {unsafe_reader}.'
        ) from error
    except Exception as error:  # a pickle that is cut or forged may fail in any way
        reason = str(error) or type(error).__name__
        raise BadSampleError(
            f'{path}: can not be read as {kind} ({reason}); it is truncated or damaged, get it '
            'again.'
        ) from error


def load_npy(path: str | Path) -> np.ndarray:
    """Read a ``.npy`` file, with pickled objects or without, and run nothing of it.

    Args:
        path: The file. Objects inside may be numpy arrays, strings, numbers, lists and dicts.

    Returns:
        The array; for a pickled dict it is an object array of shape ().

    Raises:
        FileNotFoundError: There is no such file.
        BadSampleError: The file is truncated, is no ``.npy`` file, or its pickle asks for a class
            or function that such data does not need.
    """
    with _open_untrusted(path, 'a .npy file', 'np.load(allow_pickle=True)') as file:
        header = _read_header(file)
        if header['descr'] != '|O':
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
        array = plain(PlainUnpickler(file).load())
    if not isinstance(array, np.ndarray) or array.shape != tuple(header['shape']):
        raise BadSampleError(
            f'{path}: the pickle holds no array of the shape {header["shape"]} that its header '
            'promises; get the file again.'
        )
    return array


def load_plain_pickle(path: str | Path) -> Any:
    """Read a pickle of plain data, such as MMDetection3D's info files, and run nothing of it.

    Args:
        path: The file. It may hold numpy arrays and scalars, strings, numbers, lists and dicts.

    Raises:
        FileNotFoundError: There is no such file.
        BadSampleError: The file is damaged, or its pickle asks for something else.
    """
    with _open_untrusted(path, 'a pickle', 'pickle.load') as file:
        return plain(PlainUnpickler(file).load())


def load_pickled_npy(path: str | Path) -> dict[str, Any]:
    """Read OpenShape's one-dict ``.npy`` (what ``np.load(path, allow_pickle=True).item()`` gives).

    Args:
        path: The file.

    Returns:
        The dict, e.g. with ``xyz (10000, 3)``, ``rgb (10000, 3)`` and ``text``.

    Raises:
        FileNotFoundError: There is no such file.
        BadSampleError: As in :func:`load_npy`, or the file holds something other than one dict.
    """
    array = load_npy(path)
    value = array.item() if array.shape == () else array
    if not isinstance(value, dict):
        got = f'an array of shape {array.shape} and type {array.dtype}'
        raise BadSampleError(f'{path}: expected one pickled dict, got {got}.')
    return value
