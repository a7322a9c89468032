from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.test_install.conftest import run_elsewhere

ROOT = Path(__file__).resolve().parents[2]
LOAD = """
import mrd_plugin
from mmengine.config import Config
config = Config.fromfile('child.py')
print(mrd_plugin.__file__)
print(config.custom_imports.imports, config.answer)
"""
# What cross_validate, ladders and probes do: find configs and folds, start a training as a module.
STUDY = """
import subprocess
from mrd_plugin.studies.cross_validation import FoldRun, require_splits

require_splits([0, 4])
(command,) = FoldRun('configs/mrd/pointbert_furniture.py', 0, 0, 'val', 'out').commands()
done = subprocess.run(command, capture_output=True, text=True)
print(done.returncode, done.stderr.splitlines()[-6:])
"""


def test_wheel_holds_configs_tools_and_index(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ('configs', 'tools'):
        for file in (ROOT / folder).rglob('*'):
            relative = file.relative_to(ROOT)
            if file.is_file() and '__pycache__' not in relative.parts:
                assert f'mrd_plugin/.mim/{relative}' in names
    assert 'mrd_plugin/.mim/model-index.yml' in names
    assert not [name for name in names if name.endswith('.pyc')]
    assert not [name for name in names if not name.startswith('mrd_plugin')]


def test_config_inherits_from_an_installed_wheel(site: Path, tmp_path: Path):
    user = tmp_path / 'user'
    user.mkdir()
    (user / 'child.py').write_text(
        "_base_ = ['mrd_plugin::_base_/default_runtime.py']\nanswer = 42\n"
    )
    result = run_elsewhere(LOAD, user, site)
    assert result.returncode == 0, result.stderr
    where, config = result.stdout.strip().splitlines()[-2:]
    assert where == str(site / 'mrd_plugin' / '__init__.py')
    assert config == "['mrd_plugin'] 42"


def test_studies_start_trainings_in_any_folder(site: Path, tmp_path: Path):
    result = run_elsewhere(STUDY, tmp_path, site)
    assert result.returncode == 0, result.stderr
    # The training found its config and stopped at the data, which are not here.
    said = result.stdout.strip().splitlines()[-1]
    assert said.startswith('1 ') and 'python tools/prepare/furniture.py' in said


def test_inherited_settings_stay_in_the_root_scope(tmp_path: Path):
    from mmengine.config import Config

    import mrd_plugin  # noqa: F401

    child = tmp_path / 'child.py'
    child.write_text(
        "_base_ = ['mrd_plugin::_base_/default_runtime.py']\n"
        'mine = dict(hooks=_base_.default_hooks)\n'
    )
    config = Config.fromfile(child)
    assert 'mrd_plugin' not in str(config.mine)
    assert config.mine.hooks.timer.type == 'IterTimerHook'


def test_unknown_config_is_named(tmp_path: Path):
    from mrd_plugin.utils.files import find_config

    with pytest.raises(
        FileNotFoundError, match='mrd_plugin::mrd/nothing.py: there is no such config'
    ):
        find_config('mrd_plugin::mrd/nothing.py')


def test_other_packages_go_the_usual_way():
    from mrd_plugin.compat.config_inheritance import extend_cfg_path

    resolve = extend_cfg_path(lambda path, filename: (f'{filename}/{path}', 'theirs'))
    assert resolve('mmdet3d::a/b.py', 'here') == ('here/mmdet3d::a/b.py', 'theirs')
    assert resolve('mrd_plugin::_base_/default_runtime.py', 'here')[1] is None


def test_wheel_carries_licence_notice_and_types(wheel: Path):
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        metadata = file.read(next(name for name in names if name.endswith('/METADATA'))).decode()
    assert 'mrd_plugin/py.typed' in names
    for name in ('LICENSE', 'NOTICE'):
        assert [path for path in names if '.dist-info/' in path and path.endswith(f'/{name}')]
    assert 'License: Apache-2.0' in metadata
    assert 'Provides-Extra: docs' in metadata
