from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'misc' / 'collect_env.py'


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location('collect_env', TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, 'collect_env', module)
    spec.loader.exec_module(module)
    return module


def test_works_where_nothing_is_installed():
    # A Python without any site-packages.
    result = subprocess.run([sys.executable, '-I', '-S', str(TOOL)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert 'shape (pre-training, evaluation and inference on shapes): NOT usable' in result.stdout
    assert '  torch: not installed\n    get it with: pip install -c' in result.stdout
    assert 'pip install --no-deps -r requirements/embedded_teacher.txt' in result.stdout
    assert 'mmdet3d: not installed\n    get it with: pip install -c' in result.stdout


def test_missing_module_and_its_command(tool: ModuleType):
    part = tool.Part('no_such_module', 'no-such-package', 'pip install no-such-package')
    assert tool.check(part) == (None, 'not installed')
    lines = tool.layer_lines('extra', 'nothing', (part,))
    assert lines[0] == 'extra (nothing): NOT usable'
    assert lines[-1] == '    get it with: pip install no-such-package'


def test_usable_layer(tool: ModuleType):
    part = tool.Part('numpy', 'numpy', 'pip install numpy')
    lines = tool.layer_lines('extra', 'nothing', (part,))
    assert lines[0] == 'extra (nothing): usable'
    assert len(lines) == 2


def test_broken_module_is_told_from_a_missing_one(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / 'broken_part.py').write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file')\n"
    )
    (tmp_path / 'needs_other.py').write_text('import no_such_module\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    version, problem = tool.check(tool.Part('broken_part', 'numpy', 'reinstall'))
    assert version is not None
    assert problem == 'ImportError: libGL.so.1: cannot open shared object file'
    _, problem = tool.check(tool.Part('needs_other', 'numpy', 'reinstall'))
    assert problem == "No module named 'no_such_module'"


@pytest.mark.parametrize(
    ('error', 'remedy'),
    [
        ('ImportError: libGL.so.1: cannot open', '--no-deps opencv-python-headless'),
        ("No module named 'pkg_resources'", "pip install 'setuptools<80'"),
        ('AttributeError: _ARRAY_API not found', "pip install 'numpy<2'"),
        ('anything else', 'the usual'),
    ],
)
def test_known_breaks_have_their_own_remedy(tool: ModuleType, error: str, remedy: str):
    assert remedy in tool.remedy_for(tool.Part('cv2', 'opencv-python', 'the usual'), error)


def test_help_checks_nothing(tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['collect_env.py', '--help'])
    with pytest.raises(SystemExit):
        tool.main()
    said = capsys.readouterr().out
    assert 'Examples:' in said and 'NOT usable' not in said and 'system:' not in said
