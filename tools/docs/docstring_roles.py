"""Griffe extension: ``:class:`Name``` and its like in docstrings become links of the reference."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r':(?:class|func|meth|mod|attr|data|exc):`~?\.?([\w.]+)`')


class DocstringRoles(griffe.Extension):
    """Replace roles by links where the name is found, by code elsewhere."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = ROLE.sub(lambda match: link(match[1], obj), obj.docstring.value)


def link(name: str, scope: griffe.Object) -> str:
    """A Markdown link from a name as it is seen in an object; links that lead nowhere stay text."""
    try:
        target = name if name.startswith('mrd_plugin.') else scope.resolve(name)
    except griffe.NameResolutionError:
        return f'`{name}`'
    return f'<autoref optional identifier="{target}"><code>{name}</code></autoref>'
