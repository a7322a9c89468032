from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from types import ModuleType

import pytest

from tests.test_install.conftest import ROOT


@pytest.fixture
def commands(setup_modules: None) -> ModuleType:
    return importlib.import_module('setup_commands')


@pytest.fixture
def wheel(setup_modules: None) -> ModuleType:
    return importlib.import_module('mmcv_wheel')


@pytest.mark.parametrize(
    ('line', 'reason'),
    [
        ('  cause: failed to write to file `a.so`: No space left on device (os error 28)', 'full'),
        ('  cause: tcp connect error', 'the package index could not be reached'),
        ('  cause: Because there is no version of torch==9 and you', 'index has no torch==9'),
        ('  cause: Because a was not found in the package registry', 'index has no a'),
        ('Temporary failure in name resolution', 'the package index could not be reached'),
        ('ERROR: No matching distribution found for uv==9', 'index has no uv==9'),
        ('environment was not created successfully because ensurepip is not', 'python3-venv'),
        ('a.hpp:3:10: fatal error: Python.h: No such file or directory', 'python3-dev'),
        ("g++: error: unrecognized command line option '-std=c++20'; did you", 'CXX=g++-12'),
        ('g++: internal compiler error: Killed (program cc1plus)', 'out of memory'),
        ('a.cpp:3:1: error: expected ";"', 'ended with "a.cpp:3:1: error: expected'),
        ('ERROR: something new', 'ended with "ERROR: something new"'),
    ],
)
def test_reasons(commands: ModuleType, tmp_path: Path, line: str, reason: str):
    said = commands.explain(['Collecting torch', line, 'the end'], tmp_path / 'a.log')
    assert reason in said
    assert str(tmp_path / 'a.log') in said


def test_output_is_logged_and_its_progress_shown(commands: ModuleType, tmp_path: Path, capsys):
    lines = ['Downloading torch (528.9MiB)', ' + six==1.0', '[10/77] g++ -c a', '[11/77] g++ -c b']
    commands.run_logged(['/usr/bin/printf', '%s\n', *lines], tmp_path / 'a.log')
    shown = capsys.readouterr().out.splitlines()
    assert shown == ['    Downloading torch (528.9MiB)', '    mmcv: 10/77 files compiled']
    assert (tmp_path / 'a.log').read_text().splitlines()[-4:] == lines


def test_failing_command_is_said_with_its_log(commands: ModuleType, tmp_path: Path):
    command = [sys.executable, '-c', 'raise SystemExit("error: no way")']
    with pytest.raises(commands.SetupError, match='ended with "error: no way"; read .*/a.log'):
        commands.run_logged(command, tmp_path / 'a.log')


def test_too_little_disk_space_is_said(commands: ModuleType, tmp_path: Path):
    commands.check_disk(tmp_path, 0.0)
    with pytest.raises(commands.SetupError, match=r'GB of free disk space and this step needs 1'):
        commands.check_disk(tmp_path, 1e9)


def test_second_set_up_waits_for_the_first(commands: ModuleType, tmp_path: Path, capsys):
    first, second = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    commands.wait_for_lock(first, 'another set-up')
    threading.Timer(0.2, os.close, [first]).start()
    commands.wait_for_lock(second, 'another set-up')
    os.close(second)
    assert capsys.readouterr().out == 'another set-up: waiting for it\n'


def test_unwritable_place_is_one_sentence(setup_modules: None):
    setup_env = importlib.import_module('setup_env')
    with pytest.raises(setup_env.SetupError, match="step 'one' failed: No such file.*/nowhere/a"):
        with setup_env.step('one', '1/1', 'the only one', 0.0):
            Path('/nowhere/a').write_text('')


def test_settings_of_pip_become_those_of_uv(setup_modules: None):
    listing = (
        ":env:.find-links='/one /two'\n"
        ":env:.index-url='https://own/simple'\n"
        "global.extra-index-url='\\nhttps://a\\nhttps://b'\n"
        "global.index-url='https://other/simple'\n"
        "global.no-cache-dir='true'\n"
    )
    assert importlib.import_module('setup_env').read_pip_settings(listing) == {
        'UV_DEFAULT_INDEX': 'https://own/simple',
        'UV_FIND_LINKS': '/one,/two',
        'UV_INDEX': 'https://a https://b',
        'UV_INDEX_STRATEGY': 'unsafe-best-match',
    }


def test_wrong_checksum_of_mmcv_is_said(
    wheel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    links = tmp_path / 'links'
    links.mkdir()
    (tmp_path / 'setup.py').write_text('')
    with tarfile.open(links / f'mmcv-{wheel.VERSION}.tar.gz', 'w:gz') as archive:
        archive.add(tmp_path / 'setup.py', f'mmcv-{wheel.VERSION}/setup.py')
    monkeypatch.setenv('PIP_FIND_LINKS', str(links))
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    with pytest.raises(wheel.SetupError, match='has another checksum than expected'):
        wheel.fetch_source(sys.executable, tmp_path, tmp_path / 'a.log')


def test_missing_compiler_is_said(
    wheel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv('CXX', 'no-such-compiler')
    with pytest.raises(wheel.SetupError, match='no C.. compiler .*apt-get install g'):
        wheel.build_wheel(sys.executable, tmp_path, tmp_path)


def test_broken_wheel_in_the_cache_counts_as_none(wheel: ModuleType, tmp_path: Path):
    (tmp_path / 'mmcv-2.1.0-cp311-cp311-linux_x86_64.whl').write_bytes(b'PK cut short')
    assert wheel.find_wheel(tmp_path) is None


def test_wheel_is_kept_by_the_torch_that_it_was_built_with(wheel: ModuleType, tmp_path: Path):
    site = tmp_path / 'lib' / 'python3.11' / 'site-packages'
    (site / 'torch').mkdir(parents=True)
    (site / 'torch' / 'version.py').write_text("__all__ = []\n__version__ = '2.14.1+cu130'\n")
    key = wheel.cache_key(site)
    assert key == f'torch2.14.1+cu130-py3.11-mmcv2.1.0-{os.uname().machine}'


@pytest.mark.skipif(shutil.which('g++') is None, reason='needs a C++ compiler')
def test_compiler_front_makes_the_header_once_with_the_flags_of_the_source(tmp_path: Path):
    header = tmp_path / 'h.hpp'
    header.write_text('#pragma once\ninline int value() { return NUMBER; }\n')
    (tmp_path / 'a.cpp').write_text('int main() { return value(); }\n')
    front = ROOT / 'tools' / 'setup' / 'pch_cxx.py'
    command = [sys.executable, str(front), '-MMD', '-MF', 'a.d', '-DNUMBER=7']
    env = {**os.environ, 'MRD_CXX': 'g++', 'MRD_PCH_HEADER': str(header)}
    for _ in range(2):
        compiled = subprocess.run([*command, '-c', 'a.cpp', '-o', 'a.o'], cwd=tmp_path, env=env)
        assert compiled.returncode == 0
        made = (tmp_path / 'h.hpp.gch').stat().st_mtime_ns
        header.write_text('#error the precompiled header is not used\n')
    assert (tmp_path / 'h.hpp.gch').stat().st_mtime_ns == made


def test_the_compiler_front_says_who_calls_it(setup_modules: None, monkeypatch):
    front = importlib.import_module('pch_cxx')
    monkeypatch.delenv('MRD_CXX', raising=False)
    with pytest.raises(SystemExit, match='^Error: pch_cxx.py is called by the build of mmcv'):
        front.main()


@pytest.mark.parametrize('script', ['quickstart.sh', 'setup_env.sh'])
def test_scripts_of_the_front_door_refuse_unknown_options(script: str):
    command = ['/bin/bash', str(ROOT / 'tools' / script), '--nothing']
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert f'bash tools/{script}' in result.stderr
