from __future__ import annotations

import ast
import importlib.metadata
import re
import sys

import pytest

from mrd_plugin.compat import versions
from tests.test_install.conftest import ROOT


def requirements() -> dict[str, str]:
    """Lowest version that setup.py admits, for each package, in lower case."""
    text = (ROOT / 'setup.py').read_text(encoding='utf-8')
    return {
        name.lower(): lowest
        for name, lowest in re.findall(r"'([\w.-]+)>=([\d.]+)", text)
        if name != 'python'
    }


def constraints() -> dict[str, str]:
    """Tested version of each package, in lower case."""
    text = (ROOT / 'requirements' / 'constraints.txt').read_text(encoding='utf-8')
    return {name.lower(): version for name, version in re.findall(r'(?m)^([\w.-]+)==(\S+)', text)}


@pytest.mark.parametrize(
    ('version', 'expected'),
    [
        ('2.1', None),
        ('2.14.1+cu130', None),
        ('2.14.99', None),
        ('2.15.0', 'newer than 2.14'),
        ('10.0', 'newer than 2.14'),
        ('2.0.1', 'older than 2.1'),
    ],
)
def test_range(version: str, expected: str | None):
    said = versions.outside_of_range(version, '2.1', '2.14')
    assert said is None if expected is None else expected in said


def test_sentence_names_the_remedy_and_absent_packages_are_passed_over():
    def version_of(package: str) -> str:
        if package == 'torch':
            return '1.13.0'
        raise importlib.metadata.PackageNotFoundError(package)

    (sentence,) = versions.check_versions(version_of)
    assert sentence.startswith('torch 1.13.0 is older than 2.1')
    assert sentence.endswith('pip install -c requirements/constraints.txt torch')


def test_warning_and_no_assertion(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(versions.SUPPORTED, 'torch', ('99.0', '99.0'))
    with pytest.warns(UserWarning, match='older than 99.0'):
        versions.warn_about_versions()


def test_ranges_agree_with_setup_and_constraints():
    lowest, tested = requirements(), constraints()
    for package, (low, newest) in versions.SUPPORTED.items():
        assert lowest[package] == low, package
        if package in tested:
            assert versions.outside_of_range(tested[package], low, newest) is None, package


def test_constraints_satisfy_setup():
    tested = constraints()
    pinned_elsewhere = {'mmcv'}
    for package, low in requirements().items():
        if package not in pinned_elsewhere:
            assert package in tested, f'{package} has no tested version'
            assert versions.outside_of_range(tested[package], low, '9999') is None


# Modules whose distribution has another name.
DISTRIBUTIONS = {
    'open_clip': 'open_clip_torch',
    'PIL': 'pillow',
    'cv2': 'opencv-python',
    'sklearn': 'scikit-learn',
    'yaml': 'pyyaml',
    'skimage': 'scikit-image',
    'nuscenes': 'nuscenes-devkit',
    'pyquaternion': 'nuscenes-devkit',  # which brings it
}


def imported(folder: str) -> set[str]:
    """Top-level names that the files under a folder import, standard library and own ones aside."""
    names = set()
    own = {
        'benchmarks',
        'mrd_plugin',
        'tests',
        'tools',
        *(path.stem for path in (ROOT / 'tools').rglob('*.py')),
    }
    for file in (ROOT / folder).rglob('*.py'):
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split('.')[0])
    return names - set(sys.stdlib_module_names) - own


@pytest.mark.parametrize('folder', ['benchmarks', 'mrd_plugin', 'tools', 'tests'])
def test_every_third_party_import_is_declared(folder: str):
    teacher = (ROOT / 'requirements' / 'embedded_teacher.txt').read_text(encoding='utf-8')
    declared = {name.lower() for name in requirements()}
    declared |= {line.split('==')[0].replace('-', '_') for line in teacher.splitlines()}
    missing = {
        name for name in imported(folder) if DISTRIBUTIONS.get(name, name).lower() not in declared
    }
    assert not missing, f'{missing} imported in {folder}/ and not in setup.py'
