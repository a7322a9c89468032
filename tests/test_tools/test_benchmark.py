"""The benchmarks at toy sizes: both sides agree, the object printed is complete."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from benchmarks import BENCHMARKS
from benchmarks.command_line import main
from benchmarks.harness import Benchmark, _max_difference, compare
from mrd_plugin.utils.errors import ConfigError

KEYS = {
    'name',
    'ours_s',
    'reference_s',
    'ratio',
    'ours_peak_mb',
    'reference_peak_mb',
    'max_abs_diff',
    'versions',
}


def test_list_names_every_benchmark(capsys):
    assert main(['--list']) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in BENCHMARKS)
    with pytest.raises(SystemExit):
        main([])


@pytest.mark.parametrize('name', sorted(BENCHMARKS))
def test_both_sides_compute_the_same(name):
    benchmark = BENCHMARKS[name]
    pair = benchmark.build(**{**benchmark.arguments, **benchmark.small}, device='cpu')
    ours, reference = pair.ours(), pair.reference()
    assert len(ours) == len(reference)
    assert _max_difference(ours, reference) < 1e-5


def test_json_object_is_complete(capsys):
    size = ['--clouds', '2', '--points', '300', '--samples', '16', '--repeats', '1']
    assert main(['fps', '--json', *size]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result.keys() >= KEYS
    assert result['name'] == 'fps' and result['points'] == 300
    assert result['max_abs_diff'] == 0
    assert result['ratio'] == pytest.approx(result['reference_s'] / result['ours_s'])
    assert {'torch', 'numpy', 'numba'} <= result['versions'].keys()


@pytest.mark.parametrize(
    ('flags', 'said'),
    [
        (['fps', '--device', 'nope'], "got 'nope'"),
        (['mrd_loss', '--batch', '0'], "--batch: expected a whole number of 1 or more, got '0'"),
        (['fps', '--repeats', '0'], "--repeats: expected a whole number of 1 or more, got '0'"),
    ],
)
def test_wrong_values_are_refused(capsys, flags, said):
    with pytest.raises(SystemExit) as left:
        main(flags)
    assert left.value.code == 2 and said in capsys.readouterr().err


def _killed(**_):
    os.kill(os.getpid(), signal.SIGKILL)


def _broken(**_):
    os._exit(3)


@pytest.mark.parametrize(
    ('build', 'kind', 'said'),
    [
        (_killed, ConfigError, 'was killed, most likely for want of memory; try a smaller size'),
        (_broken, RuntimeError, "'ours' ended with exit code 3"),
    ],
)
def test_only_a_killed_process_lacked_memory(build, kind, said):
    with pytest.raises(kind, match=said):
        compare(Benchmark('', build, {}, {}, 1), dict(device='cpu'))


def test_peak_counts_what_was_given_back():
    """In a process of its own, as the benchmarks measure: this one has had its own peaks."""
    code = (
        'from benchmarks.harness import _resident_peak\n'
        'with _resident_peak() as peak:\n'
        '    block = bytearray(b"1") * 300_000_000\n'
        '    del block\n'
        'print(peak[0])'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert 280e6 < int(done.stdout) < 350e6
