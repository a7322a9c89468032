"""What sampling and rendering share: open catalogues, and a pool of processes over shapes."""

from __future__ import annotations

import functools
import multiprocessing
import signal
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

Job = TypeVar('Job')
Result = TypeVar('Result')


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
    if workers <= 1:
        for job in jobs:
            yield job, function(job)
        return
    # Forked workers start at once; elsewhere they have to import everything again.
    method = 'fork' if 'fork' in multiprocessing.get_all_start_methods() else 'spawn'
    context = multiprocessing.get_context(method)
    open_archive.cache_clear()  # an open zip must not be shared by two processes
    # Ctrl-C reaches the whole process group; only the parent shall answer it.
    quiet = functools.partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=quiet) as pool:
        pending = {pool.submit(function, job): job for job in jobs}
        try:
            while pending:
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield pending.pop(future), future.result()
        finally:
            for future in pending:
                future.cancel()
