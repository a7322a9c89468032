from __future__ import annotations

import importlib.metadata
import re

import pytest
from packaging.requirements import Requirement

from tests.test_install.conftest import ROOT

# Compiled by the set-up, which names its version.
ELSEWHERE = {'mmcv'}


def normal(name: str) -> str:
    """Name of a package as indexes compare it."""
    return re.sub(r'[-_.]+', '-', name).lower()


def brought_by(package: str, extra: str) -> set[str]:
    """The installed packages that a package asks for, and those that they ask for."""
    seen: set[tuple[str, str]] = set()
    waiting = [(package, extra)]
    while waiting:
        name, extra = waiting.pop()
        try:
            requires = importlib.metadata.distribution(name).requires or []
        except importlib.metadata.PackageNotFoundError:
            continue
        seen.add((normal(name), extra))
        for wanted in map(Requirement, requires):
            if wanted.marker is None or wanted.marker.evaluate({'extra': extra}):
                asked = [(wanted.name, each) for each in ('', *wanted.extras)]
                waiting += [pair for pair in asked if (normal(pair[0]), pair[1]) not in seen]
    return {name for name, _ in seen} - {normal(package)}


def test_every_package_of_the_set_up_is_pinned():
    brought = brought_by('mrd_plugin', 'all')
    if not brought:
        pytest.skip('mrd_plugin is not installed')
    text = (ROOT / 'requirements' / 'constraints.txt').read_text(encoding='utf-8')
    pinned = {normal(name) for name in re.findall(r'(?m)^([\w.-]+)==', text)}
    assert len(brought) > 70
    assert not brought - pinned - ELSEWHERE
