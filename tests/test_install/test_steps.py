"""The set-up itself, run for real on a project that asks for tiny packages from a local folder."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.test_install.conftest import ROOT

GOES_ON = 'then run the same command again: it goes on from here.'


def make_wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> None:
    """A wheel with `files`; pip and uv do not look at the hashes in RECORD."""
    info = f'{name}-{version}.dist-info'
    files = {
        **files,
        f'{info}/METADATA': f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n'.encode(),
        f'{info}/WHEEL': b'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    }
    files[f'{info}/RECORD'] = ''.join(f'{file},,\n' for file in [*files, f'{info}/RECORD']).encode()
    with zipfile.ZipFile(folder / f'{name}-{version}-py3-none-any.whl', 'w') as archive:
        for file, content in files.items():
            member = zipfile.ZipInfo(file)
            member.external_attr = 0o100755 << 16
            archive.writestr(member, content)


class Project:
    """The set-up scripts in a folder of their own, and what pip finds in another."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / 'project'
        self.links = folder / 'links'
        self.links.mkdir()
        ignored = shutil.ignore_patterns('__pycache__')
        shutil.copytree(ROOT / 'tools' / 'setup', self.root / 'tools' / 'setup', ignore=ignored)
        shutil.copy(ROOT / 'tools' / 'setup_env.sh', self.root / 'tools')
        shutil.copytree(ROOT / 'requirements', self.root / 'requirements')
        self.asks_for('1.0')

    def asks_for(self, version: str) -> None:
        """Let the shape layer be one package in one version."""
        requirements = self.root / 'requirements'
        (requirements / 'shape.txt').write_text('tiny')
        uv = importlib.metadata.version('uv')
        (requirements / 'constraints.txt').write_text(f'tiny=={version}\nuv=={uv}\n')

    def offer_uv(self) -> None:
        """Put a wheel of the uv that runs these tests among what pip finds."""
        uv = importlib.metadata.distribution('uv')
        (program,) = [file.locate() for file in uv.files or [] if file.name == 'uv']
        files = {f'uv-{uv.version}.data/scripts/uv': Path(program).read_bytes()}
        make_wheel(self.links, 'uv', uv.version, files)

    def offer_tiny(self, version: str) -> None:
        make_wheel(self.links, 'tiny', version, {'tiny.py': f'version = {version}'.encode()})

    def set_up(self, **env: str) -> subprocess.CompletedProcess[str]:
        settings = {
            'HOME': str(self.root),
            'PATH': os.environ['PATH'],
            # A Python of its own, as a user's would be: a venv made from a venv has the same base.
            'PYTHON': sys.executable,
            'PIP_CONFIG_FILE': os.devnull,
            'PIP_NO_INDEX': '1',
            'PIP_FIND_LINKS': str(self.links),
        }
        command = ['/bin/bash', str(self.root / 'tools' / 'setup_env.sh'), 'shape']
        return subprocess.run(command, env={**settings, **env}, capture_output=True, text=True)

    def tiny_version(self) -> str:
        """Version of the package in the environment, as a program sees it."""
        python = str(self.root / '.venv' / 'bin' / 'python')
        command = [python, '-c', 'import tiny; print(tiny.version)']
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    @property
    def site(self) -> Path:
        return next((self.root / '.venv').glob('lib/python3*/site-packages'))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    try:
        importlib.metadata.version('uv')
    except importlib.metadata.PackageNotFoundError:
        pytest.skip('uv is not installed: bash tools/setup_env.sh brings it')
    return Project(tmp_path)


def closed_port() -> int:
    """A port of this machine where nothing listens."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_each_run_does_what_is_missing(project: Project):
    # One test, since making an environment takes longer than all that is done with it.
    records = project.root / '.venv' / 'mrd_setup'
    offline = {
        'PIP_NO_INDEX': '',
        'PIP_INDEX_URL': f'http://127.0.0.1:{closed_port()}/simple',
        'PIP_RETRIES': '1',
        'UV_HTTP_RETRIES': '0',
    }
    # Killed while the environment was made; then there is no network for pip, then none for uv.
    records.mkdir(parents=True)
    (records / 'unfinished').touch()
    (records / 'leftover').touch()
    for failing in ('venv', 'shape'):
        result = project.set_up(**offline)
        assert result.returncode == 1
        (sentence,) = result.stderr.strip().splitlines()
        reason = f"Set-up stopped: step '{failing}' failed: the package index could not be reached"
        assert sentence.startswith(reason), sentence
        assert sentence.endswith(GOES_ON)
        project.offer_uv()
    assert not (records / 'leftover').exists()

    project.offer_tiny('1.0')
    result = project.set_up()
    assert result.returncode == 0, result.stderr
    assert '[set-up 1/2]' not in result.stdout
    assert '[set-up 2/2] done in' in result.stdout
    assert project.tiny_version() == '1.0'

    assert project.set_up().stdout == ''

    project.offer_tiny('2.0')
    project.asks_for('2.0')
    project.set_up()
    assert project.tiny_version() == '2.0'

    shutil.rmtree(project.site / 'tiny-2.0.dist-info')
    (project.site / 'tiny.py').unlink()
    project.set_up()
    assert project.tiny_version() == '2.0'

    # Killed between the files of a package and the last of its records.
    (project.site / 'tiny.py').unlink()
    (project.site / 'tiny-2.0.dist-info' / 'INSTALLER').unlink()
    (records / 'unfinished').touch()
    project.set_up()
    assert project.tiny_version() == '2.0'
    assert project.set_up().stdout == ''


def test_foreign_folder_is_left_alone(project: Project):
    folder = project.root / '.venv'
    (folder / 'bin').mkdir(parents=True)
    (folder / 'bin' / 'python').symlink_to('/bin/false')
    result = project.set_up()
    assert result.returncode == 1
    assert f'has no working pip; move {folder} away, {GOES_ON}' in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == ['bin']


def test_no_python_is_said(project: Project, tmp_path: Path):
    programs = tmp_path / 'bin'
    programs.mkdir()
    (programs / 'dirname').symlink_to('/usr/bin/dirname')
    result = project.set_up(PATH=str(programs), PYTHON='')
    assert result.returncode == 1
    assert 'found no Python 3.11 or 3.12 in PATH' in result.stderr


def test_wrong_python_is_said(project: Project, tmp_path: Path):
    old = tmp_path / 'python3.6'
    old.write_text('#!/bin/sh\nexit 1\n')
    old.chmod(0o755)
    result = project.set_up(PYTHON=str(old))
    assert result.returncode == 1
    assert f'PYTHON={old} is not Python 3.11 or 3.12' in result.stderr
    assert not (project.root / '.venv').exists()
