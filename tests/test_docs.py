"""Pages name what exists, and the checks say what fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob('*.md'), *(ROOT / 'docs').rglob('*.md')])
METHODS = 'openshape mrd mixcon3d tamm kd2d cmcr ppkt slidr st_slidr scalr'.split()
SCHEME = [
    'Idea',
    'Loss',
    'What is published and what is our interpretation',
    'Config keys',
    'Files',
    'Results',
]
# Names to be filled in, as in `configs/<name>/`, or a part of a set in braces.
NAMED = re.compile(r'`((?:configs|docs|mrd_plugin|requirements|tests|tools)/[^\s`:]+)`')
BRACES = re.compile(r'\{([^{}]*)\}')


def spelled_out(name: str) -> list[str]:
    """`a/{b,c}.py` as `a/b.py` and `a/c.py`."""
    match = BRACES.search(name)
    if not match:
        return [name]
    return [
        path
        for part in match[1].split(',')
        for path in spelled_out(name[: match.start()] + part + name[match.end() :])
    ]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_files_that_exist(page: Path):
    names = [path for name in NAMED.findall(page.read_text()) for path in spelled_out(name)]
    missing = [name for name in names if '<' not in name and not list(ROOT.glob(name.rstrip('/')))]
    assert not missing


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_pages_lead_to_files(page: Path):
    targets = re.findall(r'\]\((?!https?:|#)([^)\s#]+)', page.read_text())
    assert not [target for target in targets if not (page.parent / target).is_file()]


@pytest.mark.parametrize('name', METHODS)
def test_every_method_has_a_page_with_the_same_headings(name: str):
    text = (ROOT / 'docs' / 'methods' / f'{name}.md').read_text()
    assert re.findall(r'(?m)^## (.*)', text) == SCHEME
    assert f'](../../configs/{name}/README.md' in text
    assert f'({name}.md)' in (ROOT / 'docs' / 'methods' / 'index.md').read_text()


def run_check(*names: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ['bash', 'tools/check.sh', *names],
        cwd=ROOT,
        env={**os.environ, 'PYTHON': python},
        capture_output=True,
        text=True,
    )


def test_a_check_is_one_line_with_its_duration():
    result = run_check('ruff', 'format')
    assert result.returncode == 0, result.stdout
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r'\[check\] ruff     ok     \d+\.\d s', lines[0])


def test_a_failed_check_shows_its_output_and_says_what_to_do(tmp_path: Path):
    python = tmp_path / 'python'
    python.write_text('#!/bin/sh\necho "$2 found something"\nexit 1\n')
    python.chmod(0o755)
    result = run_check('ruff', 'format', python=str(python))
    assert result.returncode == 1
    assert '    ruff found something\n[check] ruff failed: fix what is listed' in result.stdout
    assert f"[check] format failed: run '{python} -m ruff format .'." in result.stdout
    assert result.stderr == '[check] 2 of 2 checks failed: ruff format.\n'


def test_an_unknown_check_is_named():
    result = run_check('spelling')
    assert result.returncode == 2
    assert 'unknown check "spelling"' in result.stderr


def test_hooks_and_workflow_call_what_the_readme_names():
    hooks = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())
    (local,) = hooks['repos']
    assert local['repo'] == 'local'
    assert {hook['entry'] for hook in local['hooks']} == {
        f'bash tools/check.sh {name}' for name in ('ruff', 'format', 'mypy', 'imports', 'docs')
    }
    workflow = yaml.safe_load((ROOT / '.github' / 'workflows' / 'test.yml').read_text())
    commands = [step['run'] for step in workflow['jobs']['test']['steps'] if 'run' in step]
    assert commands == ['bash tools/run_tests.sh']


def test_reference_shows_signatures_and_resolves_docstrings(tmp_path: Path):
    package = tmp_path / 'toy'
    package.mkdir()
    (package / '__init__.py').write_text('"""A toy."""\n')
    (package / 'part.py').write_text(
        '"""A part."""\n\n\nclass Sum:\n'
        '    """Add.\n\n    Args:\n        left: One number.\n    """\n\n'
        "    def __init__(self, left: int = 1, *, name: str = 'a') -> None:\n        pass\n\n"
        '    def value(self, right: int) -> int:\n        """Compute the sum."""\n\n'
        '    def _hidden(self):\n        pass\n'
    )
    code = 'from reference_pages import write_reference; from pathlib import Path; import sys;'
    code += 'write_reference(Path(sys.argv[1]), Path(sys.argv[2]))'
    out = tmp_path / 'out'
    env = {**os.environ, 'PYTHONPATH': str(ROOT / 'docs')}
    subprocess.run([sys.executable, '-c', code, package, out], check=True, env=env)
    page = (out / 'toy.rst').read_text()
    assert ".. py:class:: Sum(left: int=1, *, name: str='a')" in page
    assert '   .. py:method:: value(right: int) -> int' in page
    assert ':param left: One number.' in page
    assert '_hidden' not in page
