from __future__ import annotations

import importlib.metadata
import re
import sysconfig

import pytest

from tests.test_install.conftest import ROOT

# The project itself; what the set-up compiles, and names the version of; what Python brings.
ELSEWHERE = {'mrd-plugin', 'mmcv', 'pip'}


def normal(name: str) -> str:
    """Name of a package as indexes compare it."""
    return re.sub(r'[-_.]+', '-', name).lower()


def installed_through(package: str) -> set[str]:
    """A package, the installed ones that it asks for, and those that these ask for."""
    found: set[str] = set()
    waiting = {normal(package)}
    while waiting:
        name = waiting.pop()
        # Only here: setuptools puts copies of other packages on sys.path once it is imported.
        places = [sysconfig.get_path('purelib')]
        (one, *_) = [*importlib.metadata.distributions(name=name, path=places), None]
        if one is None:
            continue
        requires = one.requires or []
        found.add(name)
        # Of the optional ones, those of this project only.
        asked = [line for line in requires if 'extra ==' not in line or name == normal(package)]
        waiting |= {normal(re.split(r'[^\w.-]', line)[0]) for line in asked} - found
    return found


def test_every_package_of_the_set_up_is_pinned():
    text = (ROOT / 'requirements' / 'constraints.txt').read_text(encoding='utf-8')
    pinned = {normal(name) for name in re.findall(r'(?m)^([\w.-]+)==', text)}
    brought = installed_through('mrd_plugin')
    if not brought:
        pytest.skip('mrd_plugin is not installed')
    assert len(brought) > 70
    assert not brought - pinned - ELSEWHERE
