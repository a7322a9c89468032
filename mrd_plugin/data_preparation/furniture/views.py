"""Images of the catalogue's shapes from all around; restartable.

``views/`` lies in the data folder and holds ``<id>/<k>.png``, a journal of its own and, once all
shapes are done, ``views.json``; so it can be moved or linked beside another copy of the shapes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mrd_plugin.data_preparation.furniture.catalogue import (
    CatalogueEntry,
    archive_checksum,
    open_archive,
)
from mrd_plugin.data_preparation.furniture.file_formats import VIEWS, view_paths
from mrd_plugin.data_preparation.furniture.sampling import load_parts
from mrd_plugin.data_preparation.parallel import write_missing_files
from mrd_plugin.data_preparation.rendering import MeshRenderer, require_renderer, ring_of_cameras
from mrd_plugin.utils.atomic import write_json
from mrd_plugin.utils.errors import BadSampleError

VERSION = 2
"""Raised when the same parameters would give other bytes, so that old files are made anew."""


@dataclass(frozen=True)
class ViewJob:
    """The images of one shape.

    Attributes:
        entry: The shape.
        folder: ``views/`` of the data folder.
        count: Number of images.
        size: Pixels along each side.
    """

    entry: CatalogueEntry
    folder: Path
    count: int
    size: int

    def names(self) -> list[str]:
        """Paths of the images inside the folder."""
        paths = view_paths(self.entry, self.count)
        return [Path(path).relative_to(VIEWS).as_posix() for path in paths]

    def key(self) -> str:
        """Everything that decides the written bytes, as one line of JSON."""
        return json.dumps([VERSION, self.count, self.size, archive_checksum(self.entry.archive)])

    def make(self) -> dict[str, bytes]:
        """Render the images.

        Raises:
            BadSampleError: If the mesh can't be used; the message names it.
        """
        try:
            parts = load_parts(open_archive(self.entry.archive), self.entry.model)
            renderer = MeshRenderer(parts, np.array(self.entry.rotation))
        except BadSampleError as error:
            raise BadSampleError(f'{self.entry.sample_id}: {error}') from error
        files = {}
        for name, camera in zip(self.names(), ring_of_cameras(self.count)):
            buffer = io.BytesIO()
            Image.fromarray(renderer.render(*camera, self.size)).save(buffer, 'PNG')
            files[name] = buffer.getvalue()
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
    jobs = [ViewJob(entry, folder, count, size) for entry in entries]
    rendered, kept = write_missing_files(jobs, folder, 'views.json', workers, progress, 'views')
    write_json(folder / 'views.json', {'count': count, 'size': size})
    return rendered, kept


def count_views(out: Path) -> int:
    """Images that each shape of a data folder has; 0 if they were not rendered, or not all."""
    manifest = out / VIEWS / 'views.json'
    return json.loads(manifest.read_text(encoding='utf-8'))['count'] if manifest.is_file() else 0
