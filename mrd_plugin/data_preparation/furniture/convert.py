"""Writes the furniture folder: shapes, images, index and attribution; restartable."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mrd_plugin.data_preparation.furniture.attribution import attribution
from mrd_plugin.data_preparation.furniture.catalogue import (
    CatalogueEntry,
    archive_checksum,
    open_archive,
)
from mrd_plugin.data_preparation.furniture.file_formats import (
    encode_openshape,
    encode_plain,
    image_path,
    record,
    shape_path,
)
from mrd_plugin.data_preparation.furniture.sampling import sample_entry
from mrd_plugin.data_preparation.furniture.views import count_views
from mrd_plugin.data_preparation.parallel import write_missing_files
from mrd_plugin.utils.atomic import write_atomically, write_json
from mrd_plugin.utils.errors import BadSampleError

FORMS = ('plain', 'openshape')
ICON_SIZE = 128
VERSION = 1
"""Raised when the same parameters would give other bytes, so that old files are made anew."""


@dataclass(frozen=True)
class ShapeJob:
    """One shape to write.

    Attributes:
        entry: The shape.
        folder: Data folder.
        form: ``'plain'`` or ``'openshape'``.
        points: Number of points.
        seed: General seed.
        features: Teacher features of the shape (openshape form), or None.
    """

    entry: CatalogueEntry
    folder: Path
    form: str
    points: int
    seed: int
    features: dict[str, np.ndarray] | None = None

    def names(self) -> list[str]:
        """Paths of the image and the points inside the folder."""
        return [image_path(self.entry), shape_path(self.entry, self.form)]

    def key(self) -> str:
        """Everything that decides the written bytes, as one line of JSON."""
        source = archive_checksum(self.entry.archive)
        features = None
        if self.features is not None:
            rows = b''.join(self.features[k].tobytes() for k in sorted(self.features))
            features = zlib.crc32(rows)
        return json.dumps([VERSION, self.form, self.points, self.seed, source, features])

    def make(self) -> dict[str, bytes]:
        """Contents of the image and of the points."""
        archive = open_archive(self.entry.archive)
        sample = sample_entry(self.entry, archive, self.points, self.seed)
        if self.form == 'plain':
            content = encode_plain(self.entry, sample)
        else:
            content = encode_openshape(self.entry, sample, self.features)
        return dict(zip(self.names(), (icon_png(archive, self.entry.icon), content)))


def icon_png(archive: zipfile.ZipFile, icon: str) -> bytes:
    """Return the catalogue's image as an RGB PNG of 128 x 128, on white.

    Most images have that size already and keep every pixel; the few others are fitted in.
    """
    try:
        image = Image.open(io.BytesIO(archive.read(icon))).convert('RGBA')
    except (KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BadSampleError(f'{icon} in {archive.filename} is not an image: {error}.') from error
    if image.size != (ICON_SIZE, ICON_SIZE):
        image = ImageOps.pad(image, (ICON_SIZE, ICON_SIZE), Image.Resampling.LANCZOS, '#0000')
    white = Image.new('RGBA', image.size, 'white')
    buffer = io.BytesIO()
    Image.alpha_composite(white, image).convert('RGB').save(buffer, 'PNG')
    return buffer.getvalue()


def convert_furniture(
    entries: Sequence[CatalogueEntry],
    out: Path,
    form: str = 'plain',
    points: int = 10000,
    seed: int = 0,
    workers: int = 2,
    features: Iterable[dict[str, np.ndarray]] | None = None,
    progress: bool = True,
) -> tuple[int, int]:
    """Write all shapes of a catalogue, then the index; a second call continues or does nothing.

    Args:
        entries: Shapes to write.
        out: Data folder.
        form: ``'plain'`` or ``'openshape'``.
        points: Points of each shape.
        seed: General seed of the sampling.
        workers: Number of processes.
        features: Teacher features of each entry, in their order (openshape form only).
        progress: Whether to show a progress bar.

    Returns:
        ``(written, reused)`` numbers of shapes.

    Raises:
        BadSampleError: If a shape can't be used.
        DiskFullError: If there is no room; what is written stays and is reused.
    """
    if form not in FORMS:
        raise ValueError(f'form is {form!r}, expected one of {FORMS}.')
    jobs = [ShapeJob(entry, out, form, points, seed) for entry in entries]
    if features is not None:
        jobs = [replace(job, features=feature) for job, feature in zip(jobs, features)]
    written, kept = write_missing_files(jobs, out, 'index.json', workers, progress, 'shapes')
    write_atomically(out / 'ATTRIBUTION.md', attribution(entries).encode('utf-8'))
    write_json(out / 'index.json', [record(entry, form, count_views(out)) for entry in entries])
    return written, kept
