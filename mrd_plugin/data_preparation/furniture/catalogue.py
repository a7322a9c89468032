"""The catalogue files of the furniture: ``.sh3f`` zips with a properties file, and their shapes.

Sampling and rendering read the meshes through :func:`open_archive`, once per process.
"""

from __future__ import annotations

import functools
import os
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrd_plugin.utils.errors import BadSampleError

PROPERTIES = 'PluginFurnitureCatalog.properties'
REQUIRED = ('name', 'category', 'model', 'icon', 'creator', 'width', 'depth', 'height')
_LINE = re.compile(r'^\s*(\w+)(?:#(\d+))?\s*[=:]\s*(.*?)\s*$')
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(.))')


@dataclass(frozen=True)
class CatalogueEntry:
    """One shape of a catalogue.

    Attributes:
        sample_id: Lower-case slug ``<group>-<number>-<name>``, unique and stable.
        group: Lower-case name of the catalogue file, without its ending.
        number: The ``i`` of the catalogue's keys.
        name: English name as the catalogue gives it.
        tags: Tags as the catalogue gives them, administrative tags included.
        category: One of the catalogue's twelve rooms and kinds.
        model: Path of the OBJ file inside the zip.
        icon: Path of the image inside the zip.
        creator: Author of the shape.
        licence: Short licence name, such as ``CC-BY-3.0``.
        size_cm: Width (x), depth (z) and height (y) in centimetres.
        rotation: Rows of the 3 x 3 ``modelRotation``; identity if the catalogue has none.
        archive: The ``.sh3f`` file.
    """

    sample_id: str
    group: str
    number: int
    name: str
    tags: tuple[str, ...]
    category: str
    model: str
    icon: str
    creator: str
    licence: str
    size_cm: tuple[float, float, float]
    rotation: tuple[tuple[float, float, float], ...]
    archive: Path


def unescape(value: str) -> str:
    """Resolve the backslash escapes of a Java properties value."""
    plain = {'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f'}

    def one(match: re.Match) -> str:
        return chr(int(match[1], 16)) if match[1] else plain.get(match[2], match[2])

    return _ESCAPE.sub(one, value)


def parse_properties(text: str) -> tuple[dict[str, str], dict[int, dict[str, str]]]:
    """Split a properties file into the catalogue's own keys and the keys of each shape.

    Args:
        text: The file, decoded as latin-1.

    Returns:
        ``(header, shapes)``: ``header[key]`` and ``shapes[number][key]``, escapes resolved.
    """
    header: dict[str, str] = {}
    shapes: dict[int, dict[str, str]] = {}
    for line in re.sub(r'\\\r?\n\s*', '', text).splitlines():
        if line.lstrip()[:1] in ('#', '!'):
            continue
        match = _LINE.match(line)
        if match is None:
            continue
        key, number, value = match[1], match[2], unescape(match[3])
        if number is None:
            header[key] = value
        else:
            shapes.setdefault(int(number), {})[key] = value
    return header, shapes


def slug(text: str) -> str:
    """Lower-case ASCII words joined by hyphens, safe as a file name."""
    ascii_text = unicodedata.normalize('NFKD', text).encode('ascii', 'ignore').decode()
    return re.sub(r'[^a-z0-9]+', '-', ascii_text.lower()).strip('-')


def short_licence(text: str) -> str:
    """Short name of a licence sentence found in a catalogue header."""
    lower = text.lower()
    if 'public domain' in lower or 'cc0' in lower or 'cc-0' in lower:
        return 'CC0-1.0'
    if 'attribution 3.0 united states' in lower:
        return 'CC-BY-3.0-US'
    if 'attribution 3.0' in lower:
        return 'CC-BY-3.0'
    return text.strip() or 'unknown'


def read_catalogue(path: Path) -> list[CatalogueEntry]:
    """Read every shape of one ``.sh3f`` file, in the order of its numbers.

    Raises:
        BadSampleError: If the file is no zip, is cut short, has no properties file or describes a
            shape without one of the needed keys.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(PROPERTIES).decode('latin-1')
    except (zipfile.BadZipFile, KeyError, EOFError, OSError) as error:
        raise BadSampleError(
            f'{path} is not a readable Sweet Home 3D catalogue ({error}); fetch it again.'
        ) from error
    header, shapes = parse_properties(text)
    group = slug(path.stem)
    licence = short_licence(header.get('license', ''))
    return [_entry(path, group, licence, number, shapes[number]) for number in sorted(shapes)]


def _entry(
    path: Path, group: str, licence: str, number: int, keys: dict[str, str]
) -> CatalogueEntry:
    missing = [key for key in REQUIRED if not keys.get(key)]
    if missing:
        raise BadSampleError(
            f'{path}: shape number {number} has no {", ".join(missing)} in {PROPERTIES}; '
            'the catalogue is damaged, fetch it again.'
        )
    rotation = np.eye(3)
    if keys.get('modelRotation'):
        numbers = [float(word) for word in keys['modelRotation'].split()]
        if len(numbers) != 9:
            raise BadSampleError(
                f'{path}: modelRotation#{number} has {len(numbers)} numbers, expected 9.'
            )
        rotation = np.array(numbers).reshape(3, 3)
    width, depth, height = (float(keys[key]) for key in ('width', 'depth', 'height'))
    tags = tuple(tag.strip() for tag in keys.get('tags', '').split(',') if tag.strip())
    return CatalogueEntry(
        sample_id=f'{group}-{number:04d}-{slug(keys["name"])}',
        group=group,
        number=number,
        name=keys['name'],
        tags=tags,
        category=keys['category'],
        model=keys['model'].lstrip('/'),
        icon=keys['icon'].lstrip('/'),
        creator=keys['creator'],
        licence=licence,
        size_cm=(width, depth, height),
        rotation=tuple((float(a), float(b), float(c)) for a, b, c in rotation),
        archive=path,
    )


def read_catalogues(paths: Sequence[Path]) -> list[CatalogueEntry]:
    """Read several catalogues, sorted by file name, and check that ids are unique."""
    entries = [e for path in sorted(paths, key=lambda p: p.name) for e in read_catalogue(path)]
    if len({entry.sample_id for entry in entries}) != len(entries):
        raise BadSampleError(f'two catalogues among {[p.name for p in paths]} share shape ids.')
    return entries


def open_archive(path: Path) -> zipfile.ZipFile:
    """Return a catalogue's zip, opened once per process."""
    return _opened(path, os.getpid())


@functools.cache
def _opened(path: Path, process: int) -> zipfile.ZipFile:
    # A forked worker must not read through its parent's file.
    return zipfile.ZipFile(path)


@functools.cache
def archive_checksum(path: Path) -> int:
    """Checksum over the names and checksums of all files in a zip."""
    return zlib.crc32(repr([(i.filename, i.CRC) for i in open_archive(path).infolist()]).encode())
