from __future__ import annotations

import importlib
import os
import threading
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def steps(setup_modules: None) -> ModuleType:
    return importlib.import_module('setup_steps')


def make(steps: ModuleType, folder: Path, done: list[str], **options):
    """A step that notes its name in `done` and reads the file `input.txt`."""
    source = folder / 'input.txt'
    if not source.exists():
        source.write_text('one')
    name = options.pop('name', 'first')
    return steps.Step(name, name, lambda: done.append(name), (source,), **options)


def test_second_run_does_nothing(steps: ModuleType, tmp_path: Path):
    done: list[str] = []
    plan = [make(steps, tmp_path, done), make(steps, tmp_path, done, name='second')]
    steps.run_steps(plan, tmp_path / '.venv')
    steps.run_steps(plan, tmp_path / '.venv')
    assert done == ['first', 'second']


def test_changed_input_runs_the_step_and_those_behind_it(steps: ModuleType, tmp_path: Path):
    done: list[str] = []
    plan = [make(steps, tmp_path, done), steps.Step('second', '', lambda: done.append('second'))]
    steps.run_steps(plan, tmp_path / '.venv')
    (tmp_path / 'input.txt').write_text('two')
    steps.run_steps(plan, tmp_path / '.venv')
    assert done == ['first', 'second', 'first', 'second']


def test_removed_package_voids_the_stamp(steps: ModuleType, tmp_path: Path):
    venv = tmp_path / '.venv'
    record = venv / 'lib' / 'python3.11' / 'site-packages' / 'Some_Package-1.0.dist-info'
    record.mkdir(parents=True)
    done: list[str] = []
    plan = [make(steps, tmp_path, done, proof=('some_package',))]
    steps.run_steps(plan, venv)
    steps.run_steps(plan, venv)
    assert done == ['first']
    record.rmdir()
    steps.run_steps(plan, venv)
    assert done == ['first', 'first']


def test_failed_step_leaves_no_stamp_and_the_next_run_continues(steps: ModuleType, tmp_path: Path):
    done: list[str] = []

    def fail() -> None:
        raise steps.SetupError('the disk is full', 'free disk space')

    first = make(steps, tmp_path, done)
    with pytest.raises(steps.SetupError, match="step 'second' failed: the disk is full; free"):
        steps.run_steps([first, steps.Step('second', '', fail)], tmp_path / '.venv')
    second = steps.Step('second', '', lambda: done.append('second'))
    steps.run_steps([first, second], tmp_path / '.venv')
    assert done == ['first', 'second']


def test_broken_stamp_counts_as_none(steps: ModuleType, tmp_path: Path):
    done: list[str] = []
    plan = [make(steps, tmp_path, done)]
    steps.run_steps(plan, tmp_path / '.venv')
    steps.stamp_path(plan[0], tmp_path / '.venv').write_text('{"key": "a')
    steps.run_steps(plan, tmp_path / '.venv')
    assert done == ['first', 'first']


def test_too_little_disk_space_is_said_before_the_step(steps: ModuleType, tmp_path: Path):
    done: list[str] = []
    with pytest.raises(
        steps.SetupError, match=r'GB of free disk space and this step needs 1e|needs'
    ):
        steps.run_steps([make(steps, tmp_path, done, disk_gb=1e9)], tmp_path / '.venv')
    assert not done


def test_unwritable_place_is_one_sentence(steps: ModuleType, tmp_path: Path):
    def fail() -> None:
        raise OSError(28, 'No space left on device', 'somewhere')

    with pytest.raises(steps.SetupError, match=r"step 'one' failed: No space left.*\(somewhere\)"):
        steps.run_steps([steps.Step('one', '', fail)], tmp_path / '.venv')


def test_second_set_up_waits_for_the_first(steps: ModuleType, tmp_path: Path, capsys):
    first, second = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    steps.wait_for_lock(first, 'another set-up')
    threading.Timer(0.2, os.close, [first]).start()
    steps.wait_for_lock(second, 'another set-up')
    os.close(second)
    assert capsys.readouterr().out == 'another set-up: waiting for it\n'
