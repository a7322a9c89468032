from __future__ import annotations

import hashlib
import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_install.conftest import ROOT, copy_project


def closed_port() -> int:
    """A port of this machine where nothing listens."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def set_up(project: Path, layer: str = 'shape', **env: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up of a copy of the project."""
    return subprocess.run(
        ['/bin/bash', str(project / 'tools' / 'setup_env.sh'), layer],
        env={'HOME': str(project), 'PATH': os.environ['PATH'], **env},
        capture_output=True,
        text=True,
    )


def test_no_network_is_one_sentence_and_the_next_run_continues(tmp_path: Path):
    project = copy_project(tmp_path)
    # A Python of its own, as a user's would be: a venv made from a venv has the same base.
    offline = {
        'PYTHON': sys.executable,
        'PIP_CONFIG_FILE': os.devnull,
        'PIP_INDEX_URL': f'http://127.0.0.1:{closed_port()}/simple',
        'PIP_RETRIES': '1',
    }
    first = set_up(project, **offline)
    assert first.returncode == 1
    sentence = first.stderr.strip().splitlines()
    assert len(sentence) == 1
    assert sentence[0].startswith(
        "Set-up stopped: step 'shape' failed: the package index could not be reached; check the net"
    )
    assert sentence[0].endswith('run the same command again: it goes on from here.')
    stamps = sorted(path.name for path in (project / '.venv' / 'mrd_setup').glob('*.json'))
    assert stamps == ['venv.json']

    second = set_up(project, **offline)
    assert second.returncode == 1
    assert '[set-up 1/3]' in first.stdout
    assert '[set-up 1/3]' not in second.stdout
    assert '[set-up 2/3]' in second.stdout


def test_no_python_is_said(tmp_path: Path):
    project = copy_project(tmp_path / 'project')
    programs = tmp_path / 'bin'
    programs.mkdir()
    (programs / 'dirname').symlink_to('/usr/bin/dirname')
    result = set_up(project, PATH=str(programs))
    assert result.returncode == 1
    assert 'found no Python 3.11 or 3.12 in PATH' in result.stderr


def test_wrong_python_is_said(tmp_path: Path):
    project = copy_project(tmp_path / 'project')
    old = tmp_path / 'python3.6'
    old.write_text('#!/bin/sh\nexit 1\n')
    old.chmod(0o755)
    result = set_up(project, PYTHON=str(old))
    assert result.returncode == 1
    assert f'PYTHON={old} is not Python 3.11 or 3.12' in result.stderr
    assert not (project / '.venv').exists()


def test_half_made_environment_is_made_anew(setup_modules: None, tmp_path: Path, monkeypatch):
    setup_env = importlib.import_module('setup_env')
    venv = tmp_path / '.venv'
    monkeypatch.setattr(setup_env, 'VENV', venv)
    monkeypatch.setattr(setup_env, 'LOGS', venv / 'mrd_setup')
    monkeypatch.setattr(setup_env, 'PYTHON', venv / 'bin' / 'python')
    (venv / 'mrd_setup').mkdir(parents=True)
    (venv / 'mrd_setup' / 'making').touch()
    (venv / 'leftover').touch()
    made: list[list[str]] = []
    monkeypatch.setattr(
        setup_env.subprocess, 'run', lambda command, **options: made.append(command)
    )
    setup_env.make_venv()
    assert made and made[0][-1] == str(venv)
    assert not (venv / 'leftover').exists()
    assert not (venv / 'mrd_setup' / 'making').exists()


def test_foreign_folder_is_left_alone(setup_modules: None, tmp_path: Path, monkeypatch):
    setup_env = importlib.import_module('setup_env')
    venv = tmp_path / '.venv'
    (venv / 'bin').mkdir(parents=True)
    (venv / 'bin' / 'python').symlink_to('/bin/false')
    monkeypatch.setattr(setup_env, 'VENV', venv)
    monkeypatch.setattr(setup_env, 'LOGS', venv / 'mrd_setup')
    monkeypatch.setattr(setup_env, 'PYTHON', venv / 'bin' / 'python')
    with pytest.raises(setup_env.SetupError, match='has no working pip; move'):
        setup_env.make_venv()
    assert venv.exists()


def test_records_of_interrupted_installations_are_dropped(
    setup_modules: None, tmp_path: Path, monkeypatch
):
    setup_env = importlib.import_module('setup_env')
    monkeypatch.setattr(setup_env, 'VENV', tmp_path)
    site = tmp_path / 'lib' / 'python3.11' / 'site-packages'
    for name in ('whole-1.0.dist-info', 'half-1.0.dist-info'):
        (site / name).mkdir(parents=True)
    (site / 'whole-1.0.dist-info' / 'RECORD').touch()
    setup_env.drop_half_installed()
    assert [path.name for path in site.iterdir()] == ['whole-1.0.dist-info']


@pytest.mark.parametrize(
    ('line', 'reason'),
    [
        ('OSError: [Errno 28] No space left on device', 'the disk is full'),
        ('Connection refused', 'the package index could not be reached'),
        ('Temporary failure in name resolution', 'the package index could not be reached'),
        ('ERROR: No matching distribution found for torch==9', 'index has no torch==9'),
        ('g++: internal compiler error: Killed (program cc1plus)', 'out of memory'),
        ('a.cpp:3:1: error: expected ";"', 'ended with "a.cpp:3:1: error: expected'),
        ('ERROR: something new', 'ended with "ERROR: something new"'),
    ],
)
def test_reasons(setup_modules: None, tmp_path: Path, line: str, reason: str):
    commands = importlib.import_module('setup_commands')
    error = commands.explain(['Collecting torch', line, 'the end'], tmp_path / 'a.log')
    assert reason in error.reason
    assert str(tmp_path / 'a.log') in error.remedy


def test_missing_program_is_said(setup_modules: None, tmp_path: Path):
    commands = importlib.import_module('setup_commands')
    steps = importlib.import_module('setup_steps')
    with pytest.raises(steps.SetupError, match='no program "no-such-program"'):
        commands.run_logged(['no-such-program'], tmp_path / 'a.log')


def test_output_is_logged_and_shown(setup_modules: None, tmp_path: Path, capsys):
    commands = importlib.import_module('setup_commands')
    log = tmp_path / 'a.log'
    show = commands.show_pip
    text = 'Downloading https://x/torch-2.0-cp311.whl (530.1 MB)'
    commands.run_logged(['/bin/echo', text], log, show)
    assert capsys.readouterr().out == '    downloading torch-2.0-cp311.whl (530.1 MB)\n'
    assert text in log.read_text()
    assert show('Downloading six-1.0.whl (11 kB)') is None
    assert show('Installing collected packages: a, b, c') == 'unpacking 3 packages'


def test_wrong_checksum_of_mmcv_is_said(setup_modules: None, tmp_path: Path, monkeypatch):
    wheel = importlib.import_module('mmcv_wheel')
    archive = tmp_path / f'mmcv-{wheel.VERSION}.tar.gz'
    monkeypatch.setattr(wheel, 'run_logged', lambda *args: archive.write_bytes(b'something else'))
    got = hashlib.sha256(b'something else').hexdigest()
    with pytest.raises(wheel.SetupError, match=f'has sha256 {got}, expected'):
        wheel.fetch_source(Path(sys.executable), tmp_path, tmp_path / 'a.log')
    assert not archive.exists()


def test_missing_and_old_compilers_are_said(setup_modules: None, tmp_path: Path, monkeypatch):
    wheel = importlib.import_module('mmcv_wheel')
    monkeypatch.setenv('CXX', 'no-such-compiler')
    with pytest.raises(wheel.SetupError, match='no C.. compiler .*apt-get install g'):
        wheel.check_compiler()
    old = tmp_path / 'g++'
    old.write_text('#!/bin/sh\necho 8.3.0\n')
    old.chmod(0o755)
    monkeypatch.setenv('CXX', str(old))
    with pytest.raises(wheel.SetupError, match='is version 8.3.0, and C..20 needs 10'):
        wheel.check_compiler()


def test_broken_wheel_in_the_cache_counts_as_none(setup_modules: None, tmp_path: Path):
    wheel = importlib.import_module('mmcv_wheel')
    (tmp_path / 'mmcv-2.1.0-cp311-cp311-linux_x86_64.whl').write_bytes(b'PK cut short')
    assert wheel.find_wheel(tmp_path) is None


def test_ninja_lines_become_progress(setup_modules: None):
    wheel = importlib.import_module('mmcv_wheel')
    assert wheel.show_ninja('[10/77] g++ -c a.cpp') == 'mmcv: 10/77 files compiled'
    assert wheel.show_ninja('[11/77] g++ -c a.cpp') is None
    assert wheel.show_ninja('creating build') is None


def test_precompiled_header_gets_the_flags_of_the_source(setup_modules: None):
    front = importlib.import_module('pch_cxx')
    call = '-MMD -MF a.o.d -O2 -Iinclude -c -c a.cpp -o a.o -std=c++20 -DX=_ext'.split()
    command = front.header_command('g++', call, Path('h.hpp'), Path('h.gch'))
    assert command == 'g++ -O2 -Iinclude -std=c++20 -DX=_ext -x c++-header h.hpp -o h.gch'.split()


def test_scripts_of_the_front_door_refuse_unknown_options():
    result = subprocess.run(
        ['/bin/bash', str(ROOT / 'tools' / 'quickstart.sh'), '--nothing'],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert 'unknown option "--nothing"' in result.stderr
    assert 'bash tools/quickstart.sh' in result.stderr


def test_the_compiler_front_says_who_calls_it(setup_modules, monkeypatch):
    front = importlib.import_module('pch_cxx')
    monkeypatch.delenv('MRD_CXX', raising=False)
    with pytest.raises(SystemExit, match='^Error: pch_cxx.py is called by the build of mmcv'):
        front.main()
