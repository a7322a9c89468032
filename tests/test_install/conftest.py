from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ('mrd_plugin', 'configs', 'tools', 'requirements')
SHIPPED_FILES = (
    *('setup.py', 'pyproject.toml', 'README.md', 'model-index.yml', 'MANIFEST.in'),
    *('LICENSE', 'NOTICE'),
)


def copy_project(folder: Path) -> Path:
    """Copy what an installation reads, so that no test writes into the working tree."""
    ignore = shutil.ignore_patterns('__pycache__', '*.pyc')
    for name in SHIPPED:
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignore)
    for name in SHIPPED_FILES:
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope='session')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the project, built without the network."""
    source = copy_project(tmp_path_factory.mktemp('source'))
    target = tmp_path_factory.mktemp('wheel')
    command = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation']
    command += ['--no-index', '-q', '-w', str(target), str(source)]
    subprocess.run(command, check=True, cwd=source)
    return next(target.glob('*.whl'))


@pytest.fixture(scope='session')
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel is installed to, alone."""
    site = tmp_path_factory.mktemp('installed') / 'site'
    command = [sys.executable, '-m', 'pip', 'install', '--no-deps', '--no-index', '-q']
    subprocess.run([*command, '--target', str(site), str(wheel)], check=True)
    return site


def run_elsewhere(code: str, folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code in a folder, with packages from ``path`` first."""
    env = {**os.environ, 'PYTHONPATH': str(path), 'OMP_NUM_THREADS': '1'}
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def setup_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the modules of tools/setup importable."""
    monkeypatch.syspath_prepend(str(ROOT / 'tools' / 'setup'))
