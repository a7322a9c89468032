"""A pool of processes over many small jobs."""

from __future__ import annotations

import functools
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from typing import TypeVar

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
