"""One public name, one thing: no class or function of the package has a namesake."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import mrd_plugin

# What a module hands on or starts is called the same everywhere.
COMMON = {'main', 'parse_args'}


def public_definitions(tree: ast.Module) -> set[str]:
    """Names of a module's own classes, functions and type aliases."""
    names = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and not target.id.isupper():
                    names.add(target.id)
    return {name for name in names if not name.startswith('_')} - COMMON


def test_no_public_name_is_defined_twice():
    root = Path(mrd_plugin.__file__).parent
    homes = defaultdict(list)
    for path in sorted(root.rglob('*.py')):
        for name in public_definitions(ast.parse(path.read_text(encoding='utf-8'))):
            homes[name].append(path.relative_to(root).as_posix())
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def test_definitions_are_found():
    source = 'class A: ...\ndef b(): ...\ndef _c(): ...\nD = 1\nE2e = list[int]\ndef main(): ...'
    assert public_definitions(ast.parse(source)) == {'A', 'b', 'E2e'}
