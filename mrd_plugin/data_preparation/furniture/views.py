"""Images of the catalogue's shapes from all around; restartable.

``views/`` lies in the data folder and holds ``<id>/<k>.png``, a journal of its own and, once all
shapes are done, ``views.json``; so it can be moved or linked beside another copy of the shapes.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from mrd_plugin.data_preparation.furniture.catalogue import (
    CatalogueEntry,
    archive_checksum,
    open_archive,
)
from mrd_plugin.data_preparation.furniture.file_formats import VIEWS, view_paths
from mrd_plugin.data_preparation.furniture.sampling import load_parts
from mrd_plugin.data_preparation.parallel import run_jobs
from mrd_plugin.data_preparation.rendering import MeshRenderer, require_renderer, ring_of_cameras
from mrd_plugin.utils.atomic import Journal, write_atomic, write_json
from mrd_plugin.utils.errors import BadSampleError

VERSION = 2
"""Raised when the same parameters would give other bytes, so that old files are made anew."""


@dataclass(frozen=True)
class ViewJob:
    """The images of one shape.

    Attributes:
        entry: The shape.
        out: Data folder.
        count: Number of images.
        size: Pixels along each side.
    """

    entry: CatalogueEntry
    out: Path
    count: int
    size: int

    def key(self) -> str:
        """Everything that decides the written bytes, as one line of JSON."""
        return json.dumps([VERSION, self.count, self.size, archive_checksum(self.entry.archive)])


def write_views(job: ViewJob) -> list[tuple[str, int, int]]:
    """Render and write the images of one shape.

    Returns:
        ``(path inside the data folder, bytes, CRC-32)`` of each file.

    Raises:
        BadSampleError: If the mesh can't be used; the message names it.
    """
    entry, files = job.entry, []
    try:
        parts = load_parts(open_archive(entry.archive), entry.model)
        renderer = MeshRenderer(parts, np.array(entry.rotation))
    except BadSampleError as error:
        raise BadSampleError(f'{entry.sample_id}: {error}') from error
    for path, camera in zip(view_paths(entry, job.count), ring_of_cameras(job.count)):
        buffer = io.BytesIO()
        Image.fromarray(renderer.render(*camera, job.size)).save(buffer, 'PNG')
        content = buffer.getvalue()
        write_atomic(job.out / path, content)
        files.append((path, len(content), zlib.crc32(content)))
    return files


def render_views(
    entries: Sequence[CatalogueEntry],
    out: Path,
    count: int = 12,
    size: int = 224,
    workers: int = 2,
    progress: bool = True,
) -> tuple[int, int]:
    """Render every shape from all around; a second call continues or does nothing.

    Args:
        entries: Shapes to render.
        out: Data folder.
        count: Images of each shape. Defaults to 12.
        size: Pixels along each side. Defaults to 224.
        workers: Number of processes. Defaults to 2.
        progress: Whether to show a progress bar. Defaults to True.

    Returns:
        ``(rendered, reused)`` numbers of shapes.

    Raises:
        ConfigError: If the renderer is not installed.
        BadSampleError: If a shape can't be used.
        DiskFullError: If there is no room; what is written stays and is reused.
    """
    require_renderer()
    folder = out / VIEWS
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob('*/.*.tmp'):
        left_over.unlink(missing_ok=True)
    journal = Journal(folder)
    jobs = [ViewJob(entry, out, count, size) for entry in entries]
    todo = [job for job in jobs if not _is_done(journal, job)]
    if todo:
        (folder / 'views.json').unlink(missing_ok=True)
    bar = tqdm(
        total=len(jobs),
        initial=len(jobs) - len(todo),
        desc='views',
        unit='shape',
        mininterval=1,
        disable=not progress,
    )
    with bar:
        for job, files in run_jobs(write_views, todo, workers):
            for name, length, checksum in files:
                journal.add(_inside(name), job.key(), length, checksum)
            bar.update()
    write_json(folder / 'views.json', {'count': count, 'size': size})
    return len(todo), len(jobs) - len(todo)


def count_views(out: Path) -> int:
    """Images that each shape of a data folder has; 0 if they were not rendered, or not all."""
    manifest = out / VIEWS / 'views.json'
    return json.loads(manifest.read_text(encoding='utf-8'))['count'] if manifest.is_file() else 0


def _is_done(journal: Journal, job: ViewJob) -> bool:
    key = job.key()
    return all(journal.is_done(_inside(name), key) for name in view_paths(job.entry, job.count))


def _inside(path: str) -> str:
    """Return an image's path below ``views/``, where the journal lies."""
    return path[len(VIEWS) + 1 :]
