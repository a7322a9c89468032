from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ('mrd_plugin', 'configs', 'tools', 'requirements')
SHIPPED_FILES = ('setup.py', 'pyproject.toml', 'README.md', 'model-index.yml', 'MANIFEST.in')


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


@pytest.fixture
def setup_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the modules of tools/setup importable."""
    monkeypatch.syspath_prepend(str(ROOT / 'tools' / 'setup'))
