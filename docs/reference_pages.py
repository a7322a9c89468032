"""Pages of the API reference, one a package, from the source files; nothing is imported.

What is public is shown: classes, their public methods, and functions whose names don't start
with an underscore, in the order of the source, with the signatures as they are written.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.ext.napoleon import Config, GoogleDocstring

NAPOLEON: Any = Config(napoleon_use_ivar=True, napoleon_use_rtype=False)
# Names in docstrings are short; a leading dot has Sphinx look for them in all modules. Methods
# without their class are looked for in the class alone.
ROLE = re.compile(
    r':(class|func|data|exc|meth|attr):`(?=[A-Za-z])(?:(?<!:meth:`)(?<!:attr:`)|(?=\w+\.))'
)
# Examples that are commands, as the help texts of tools have them.
COMMANDS = re.compile(r'^Examples?:\n(?=[ ]+(?!>>>))', re.MULTILINE)
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def write_reference(package: Path, out: Path) -> None:
    """Write the pages of a package and of all packages in it.

    Pages that did not change stay, those of packages that are gone are removed.
    """
    out.mkdir(parents=True, exist_ok=True)
    folders = [path.parent for path in sorted(package.rglob('__init__.py'))]
    pages = {}
    for folder in folders:
        name = '.'.join(folder.relative_to(package.parent).parts)
        inside = [other for other in folders if other.parent == folder]
        pages[f'{name}.rst'] = '\n'.join(package_page(name, folder, inside)) + '\n'
    for old in out.glob('*.rst'):
        if old.name not in pages:
            old.unlink()
    for file, text in pages.items():
        path = out / file
        if not path.exists() or path.read_text(encoding='utf-8') != text:
            path.write_text(text, encoding='utf-8')


def package_page(name: str, folder: Path, inside: list[Path]) -> Iterator[str]:
    """Lines of the page of a package, with links to the packages inside it."""
    yield from heading(name, '=')
    tree = ast.parse((folder / '__init__.py').read_text(encoding='utf-8'))
    yield from [f'.. py:module:: {name}', '', *docstring(tree), '']
    if inside:
        yield from ['.. toctree::', '   :maxdepth: 1', '']
        yield from [f'   {path.name} <{name}.{path.name}>' for path in inside]
        yield ''
    for path in sorted(folder.glob('*.py')):
        if not path.stem.startswith('_'):
            yield from module_section(f'{name}.{path.stem}', path)


def module_section(name: str, path: Path) -> Iterator[str]:
    """Lines about one module."""
    tree = ast.parse(path.read_text(encoding='utf-8'))
    yield from heading(name.rsplit('.', 1)[1], '-')
    yield from [f'.. py:module:: {name}', '', *docstring(tree), '']
    for node in tree.body:
        if isinstance(node, DEFINITIONS) and not node.name.startswith('_'):
            yield from definition(node, '')


def definition(node: ast.stmt, owner: str) -> Iterator[str]:
    """Lines about a class or function; `owner` is the class that a method belongs to."""
    if isinstance(node, ast.ClassDef):
        yield from [f'.. py:class:: {node.name}{constructor(node)}', '']
        body = [*bases(node), *docstring(node), '', *fields(node), '']
        for child in node.body:
            if isinstance(child, DEFINITIONS) and not child.name.startswith('_'):
                body += definition(child, node.name)
        yield from indented(body)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        marks = {ast.unparse(mark) for mark in node.decorator_list}
        returns = f' -> {ast.unparse(node.returns)}' if node.returns else ''
        if owner and marks & {'property', 'cached_property', 'functools.cached_property'}:
            yield f'.. py:property:: {node.name}'
            yield from [f'   :type: {ast.unparse(node.returns)}'] if node.returns else []
        else:
            first = 0 if not owner or 'staticmethod' in marks else 1
            kind = 'method' if owner else 'function'
            yield f'.. py:{kind}:: {node.name}{arguments(node, first)}{returns}'
            for mark in sorted(marks & {'staticmethod', 'classmethod', 'abstractmethod'}):
                yield f'   :{mark}:'
        yield ''
        yield from indented([*docstring(node), ''])


def constructor(node: ast.ClassDef) -> str:
    """Return the arguments of a class's `__init__`, or nothing if it has none of its own."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == '__init__':
            return arguments(child, 1)
    return ''


def arguments(node: ast.FunctionDef | ast.AsyncFunctionDef, first: int) -> str:
    """Arguments as they are written, without `self` or `cls` if `first` is 1."""
    given = ast.parse(f'def f({ast.unparse(node.args)}): pass').body[0]
    assert isinstance(given, ast.FunctionDef)
    positional = given.args.posonlyargs or given.args.args
    del positional[:first]
    return f'({ast.unparse(given.args)})'


def bases(node: ast.ClassDef) -> list[str]:
    """Return a line about what a class inherits from."""
    names = ', '.join(f'``{ast.unparse(base)}``' for base in node.bases)
    return [f'Bases: {names}', ''] if names else []


def fields(node: ast.ClassDef) -> Iterator[str]:
    """Annotated attributes with a docstring of their own, as in named tuples."""
    for child, after in zip(node.body, node.body[1:]):
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                text = ' '.join(str(after.value.value).split())
                yield f':ivar {child.target.id}: {text}'


def docstring(node: ast.AST) -> list[str]:
    """Return a docstring as lines of reStructuredText."""
    assert isinstance(node, (ast.Module, *DEFINITIONS))
    text = ROLE.sub(r':\1:`.', ast.get_docstring(node) or '')
    text = COMMANDS.sub('Examples::\n\n', text)
    return GoogleDocstring(text, NAPOLEON).lines()


def heading(text: str, mark: str) -> list[str]:
    """Return a title, with what underlines it."""
    return [text, mark * len(text), '']


def indented(lines: list[str]) -> list[str]:
    """Lines inside a directive."""
    return textwrap.indent('\n'.join(lines), '   ').split('\n')
