"""What sampling and rendering share: open catalogues, and a pool of processes over shapes."""

from __future__ import annotations

import functools
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mrd_plugin.datasets.workers import Job, Result
from mrd_plugin.datasets.workers import run_jobs as run_in_pool


@functools.cache
def open_archive(path: Path) -> zipfile.ZipFile:
    """A catalogue's zip, opened once a process."""
    return zipfile.ZipFile(path)


@functools.cache
def archive_checksum(path: Path) -> int:
    """Checksum over the names and checksums of all files in a zip."""
    return zlib.crc32(repr([(i.filename, i.CRC) for i in open_archive(path).infolist()]).encode())


def run_jobs(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Result]]:
    """Call a function for every job in ``workers`` processes.

    Args:
        function: Importable; opens catalogues with :func:`open_archive`.
        jobs: Its arguments, one each.
        workers: Number of processes; 1 stays in this one.

    Yields:
        ``(job, result)`` as they are done.
    """
    open_archive.cache_clear()  # an open zip must not be shared by two processes
    yield from run_in_pool(function, jobs, workers)
