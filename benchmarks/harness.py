"""Compare an implementation with a slow reference: time, peak memory, largest difference.

A benchmark is a function that is given its options and returns a :class:`Comparison`. Times are
taken in interleaved runs, so that a machine that slows down slows both. Peak memory is what a run
needs above its inputs: on CUDA from the allocator, on a CPU from the resident set of a process of
its own.
"""

from __future__ import annotations

import gc
import multiprocessing
import platform
import resource
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from mrd_plugin.utils.errors import ConfigError

_SIDES = ('ours', 'reference')


class Comparison(NamedTuple):
    """Two ways to compute the same tensors on the same inputs.

    Attributes:
        ours: Returns a sequence of tensors.
        reference: Returns the same, the plain way.
        options: The sizes that were measured, for the report.
    """

    ours: Callable[[], tuple[Tensor, ...]]
    reference: Callable[[], tuple[Tensor, ...]]
    options: dict


class Benchmark(NamedTuple):
    """A named comparison.

    Attributes:
        help: One line for the list.
        build: Makes a :class:`Comparison` from parsed options; ``device`` is among them. Must be
            importable, since the memory is measured in another process.
        arguments: Integer options and their defaults.
        small: Options of a quick run that warms up compilers and libraries.
        repeats: Interleaved runs of each side; the median counts.
    """

    help: str
    build: Callable[..., Comparison]
    arguments: dict[str, int]
    small: dict[str, int]
    repeats: int


def compare(benchmark: Benchmark, options: dict, repeats: int | None = None) -> dict:
    """Measure one benchmark.

    Args:
        benchmark: What to measure.
        options: Its options, ``device`` included.
        repeats: Runs of each side; None takes the benchmark's own number.

    Raises:
        ConfigError: The memory does not suffice.

    Returns:
        ``ours_s, reference_s, ratio`` (reference / ours), ``ours_peak_mb, reference_peak_mb``
        (above the inputs, in 10^6 bytes), ``max_abs_diff``, the options, ``versions``.
    """
    device = torch.device(options['device'])
    repeats = benchmark.repeats if repeats is None else repeats
    peaks = {side: _peak_elsewhere(benchmark, options, side) for side in _SIDES}
    _run_once(benchmark, {**options, **benchmark.small})
    pair = benchmark.build(**options)
    times: dict[str, list[float]] = {side: [] for side in _SIDES}
    results: dict[str, tuple[Tensor, ...]] = {}
    for _ in range(repeats):
        for side in _SIDES:
            gc.collect()
            _synchronise(device)
            start = time.perf_counter()
            results[side] = getattr(pair, side)()
            _synchronise(device)
            times[side].append(time.perf_counter() - start)
    ours, reference = (statistics.median(times[side]) for side in _SIDES)
    return dict(
        ours_s=ours,
        reference_s=reference,
        ratio=reference / ours,
        ours_peak_mb=peaks['ours'],
        reference_peak_mb=peaks['reference'],
        max_abs_diff=_max_difference(results['ours'], results['reference']),
        repeats=repeats,
        threads=torch.get_num_threads(),
        device=str(device),
        **pair.options,
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Versions of what decides speed."""
    return dict(
        python=platform.python_version(),
        torch=torch.__version__,
        numpy=np.__version__,
        numba=numba.__version__,
        machine=platform.machine(),
    )


def _max_difference(ours: tuple[Tensor, ...], reference: tuple[Tensor, ...]) -> float:
    return max((a.double() - b.double()).abs().max().item() for a, b in zip(ours, reference))


def _run_once(benchmark: Benchmark, options: dict) -> None:
    pair = benchmark.build(**options)
    for side in _SIDES:
        getattr(pair, side)()


def _peak_elsewhere(benchmark: Benchmark, options: dict, side: str) -> float:
    """Peak of one side in 10^6 bytes, measured in a fresh process."""
    context = multiprocessing.get_context('spawn')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_peak, args=(sender, benchmark, options, side))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        process.join()
        if process.exitcode == -signal.SIGKILL:
            raise ConfigError(
                f'The process that measured the memory of {side!r} was killed, most likely for '
                'want of memory; try a smaller size.'
            ) from None
        raise RuntimeError(
            f'The process that measured the memory of {side!r} ended with exit code '
            f'{process.exitcode}.'
        ) from None
    finally:
        process.join()


def _send_peak(sender, benchmark: Benchmark, options: dict, side: str) -> None:
    _run_once(benchmark, {**options, **benchmark.small})
    pair = benchmark.build(**options)
    gc.collect()
    if torch.device(options['device']).type == 'cuda':
        base = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        result = getattr(pair, side)()
        peak = torch.cuda.max_memory_allocated() - base
    else:
        with _resident_peak() as peak_above:
            result = getattr(pair, side)()
        peak = peak_above[0]
    del result
    sender.send(peak / 1e6)


@contextmanager
def _resident_peak() -> Iterator[list[int]]:
    """Largest resident set inside the block, above that at its start, in bytes.

    Linux keeps a high-water mark that can be set back. Where it can't, the mark of the whole life
    of the process has to do; it misses what a run needs below an earlier peak.
    """
    found = [0]
    base = _status('VmRSS')
    if base is not None and _reset_high_water():
        yield found
        found[0] = max(0, (_status('VmHWM') or 0) - base)
        return
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if platform.system() == 'Darwin' else 1024
    yield found
    found[0] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit


def _reset_high_water() -> bool:
    try:
        with open('/proc/self/clear_refs', 'w') as file:
            file.write('5')
    except OSError:
        return False
    return True


def _status(key: str) -> int | None:
    """Return a size of this process from the kernel, in bytes."""
    try:
        with open('/proc/self/status') as file:
            for line in file:
                if line.startswith(key + ':'):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _synchronise(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
