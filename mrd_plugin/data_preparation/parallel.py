"""A pool of processes over many small jobs, and jobs that a second run continues."""

from __future__ import annotations

import functools
import multiprocessing
import signal
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Protocol, TypeVar

from tqdm import tqdm

from mrd_plugin.utils.atomic import Journal, remove_half_written, write_atomically

Job = TypeVar('Job')
Result = TypeVar('Result')

_WAITING = 4  # jobs for each worker that are handed over at a time


_native_threads: set[str] = set()


def note_native_threads(library: str) -> None:
    """Remember that a library runs threads in this process that no fork survives."""
    _native_threads.add(library)


def _start_method() -> str:
    """Return how workers start: forked ones start at once, others import everything again."""
    if 'fork' not in multiprocessing.get_all_start_methods():
        return 'spawn'
    # A forked child has the locks of such threads but not the threads, and waits for them for ever.
    return 'forkserver' if _native_threads else 'fork'


def run_jobs(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Result]]:
    """Call a function for every job in ``workers`` processes.

    Args:
        function: Importable.
        jobs: Its arguments, one each.
        workers: Number of processes; 1 stays in this one.

    Yields:
        ``(job, result)`` as they are done.
    """
    if workers <= 1:
        for job in jobs:
            yield job, function(job)
        return
    context = multiprocessing.get_context(_start_method())
    # Ctrl-C reaches the whole process group; only the parent shall answer it.
    quiet = functools.partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    left = iter(jobs)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=quiet) as pool:
        pending: dict = {}
        try:
            while True:
                while len(pending) < _WAITING * workers:
                    try:
                        job = next(left)
                    except StopIteration:
                        break
                    pending[pool.submit(function, job)] = job
                if not pending:
                    return
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield pending.pop(future), future.result()
        finally:
            for future in pending:
                future.cancel()


class FileJob(Protocol):
    """A job that makes some files of a folder."""

    @property
    def folder(self) -> Path:
        """The folder; the journal of what is done lies in it."""

    def names(self) -> Sequence[str]:
        """Paths of the files inside the folder."""

    def key(self) -> str:
        """Everything that decides the written bytes, as one line."""

    def make(self) -> Mapping[str, bytes]:
        """Contents of the files, by their paths."""


def write_missing_files(
    jobs: Sequence[FileJob], folder: Path, index: str, workers: int, progress: bool, kind: str
) -> tuple[int, int]:
    """Do the jobs whose files are not there, or not as the journal notes them.

    Args:
        jobs: What the folder shall hold.
        folder: The folder; made if need be.
        index: File in it that says that all is done; it goes if something is not.
        workers: Number of processes.
        progress: Whether to show a progress bar.
        kind: What the jobs make, for the bar.

    Returns:
        ``(done, kept)`` numbers of jobs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for place in {(folder / name).parent for job in jobs for name in job.names()}:
        remove_half_written(place)
    journal = Journal(folder)
    todo = [job for job in jobs if not journal.has(job.names(), job.key())]
    if todo:
        (folder / index).unlink(missing_ok=True)
    kept = len(jobs) - len(todo)
    with tqdm(
        total=len(jobs), initial=kept, desc=kind, unit='shape', mininterval=1, disable=not progress
    ) as bar:
        for job, files in run_jobs(write_files, todo, workers):
            for name, size, checksum in files:
                journal.add(name, job.key(), size, checksum)
            bar.update()
    return len(todo), kept


def write_files(job: FileJob) -> list[tuple[str, int, int]]:
    """Make and write the files of one job; returns path, bytes and CRC-32 of each."""
    files = job.make()
    for name, content in files.items():
        write_atomically(job.folder / name, content)
    return [(name, len(content), zlib.crc32(content)) for name, content in files.items()]
