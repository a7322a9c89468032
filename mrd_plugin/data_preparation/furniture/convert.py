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
from tqdm import tqdm

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
from mrd_plugin.data_preparation.parallel import run_jobs
from mrd_plugin.utils.atomic import Journal, write_atomic, write_json
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
        out: Data folder.
        form: ``'plain'`` or ``'openshape'``.
        points: Number of points.
        seed: General seed.
        features: Teacher features of the shape (openshape form), or None.
    """

    entry: CatalogueEntry
    out: Path
    form: str
    points: int
    seed: int
    features: dict[str, np.ndarray] | None = None

    def key(self) -> str:
        """Everything that decides the written bytes, as one line of JSON."""
        source = archive_checksum(self.entry.archive)
        features = None
        if self.features is not None:
            rows = b''.join(self.features[k].tobytes() for k in sorted(self.features))
            features = zlib.crc32(rows)
        return json.dumps([VERSION, self.form, self.points, self.seed, source, features])


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


def write_entry(job: ShapeJob) -> list[tuple[str, int, int]]:
    """Write the image and the points of one shape.

    Returns:
        ``(path inside the folder, bytes, CRC-32)`` of each file.
    """
    archive = open_archive(job.entry.archive)
    sample = sample_entry(job.entry, archive, job.points, job.seed)
    if job.form == 'plain':
        content = encode_plain(job.entry, sample)
    else:
        content = encode_openshape(job.entry, sample, job.features)
    files = {
        image_path(job.entry): icon_png(archive, job.entry.icon),
        shape_path(job.entry, job.form): content,
    }
    for name, data in files.items():
        write_atomic(job.out / name, data)
    return [(name, len(data), zlib.crc32(data)) for name, data in files.items()]


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
    out.mkdir(parents=True, exist_ok=True)
    for folder in {(out / shape_path(entry, form)).parent for entry in entries} | {out / 'images'}:
        for left_over in folder.glob('.*.tmp'):
            left_over.unlink(missing_ok=True)
    journal = Journal(out)
    keys = {job.entry.sample_id: job.key() for job in jobs}
    todo = [
        job
        for job in jobs
        if not all(
            journal.is_done(name, keys[job.entry.sample_id])
            for name in (shape_path(job.entry, form), image_path(job.entry))
        )
    ]
    if todo:
        (out / 'index.json').unlink(missing_ok=True)
    bar = tqdm(
        total=len(jobs),
        initial=len(jobs) - len(todo),
        unit='shape',
        mininterval=1,
        disable=not progress,
    )
    with bar:
        for job, files in run_jobs(write_entry, todo, workers):
            for name, size, checksum in files:
                journal.add(name, keys[job.entry.sample_id], size, checksum)
            bar.update()
    write_atomic(out / 'ATTRIBUTION.md', attribution(entries).encode('utf-8'))
    write_json(out / 'index.json', [record(entry, form, count_views(out)) for entry in entries])
    return len(todo), len(jobs) - len(todo)
