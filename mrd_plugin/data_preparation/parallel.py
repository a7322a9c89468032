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
    # Forked workers start at once; elsewhere they have to import everything again.
    method = 'fork' if 'fork' in multiprocessing.get_all_start_methods() else 'spawn'
    context = multiprocessing.get_context(method)
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
