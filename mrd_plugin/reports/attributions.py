"""Creators and licences of the shapes and images that are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mrd_plugin.data_preparation.furniture.attribution import LICENCE_LINKS


def credits_section(shown: Sequence[Mapping[str, Any]], attribution: str) -> str:
    """List creator and licence of every shape on the page, and the attribution of the whole set.

    Args:
        shown: Records with ``name``, ``id``, ``creator`` and ``licence``.
        attribution: Content of the data folder's ``ATTRIBUTION.md``; may be empty.

    Returns:
        HTML; addresses are links to follow, nothing is loaded from them.
    """
    if not shown and not attribution:
        return '<p class="soft">The data folder names no creators or licences.</p>'
    items = ''.join(
        f'<li>“{escape(record["name"])}” ({escape(record["id"])}) by {escape(record["creator"])}, '
        f'{_licence(record["licence"])}</li>'
        for record in shown
    )
    whole = ''
    if attribution:
        whole = (
            '<details id="attribution"><summary>ATTRIBUTION.md: the whole data set</summary>'
            f'<pre>{escape(attribution)}</pre></details>'
        )
    return (
        f'<p>The {len(shown)} shapes and images on this page. Changes made: surface points were '
        'drawn from each mesh and thinned, images got a white background. '
        f'{"<a href=#attribution>All shapes of the set</a>." if whole else ""}</p>'
        f'<ul class="credits">{items}</ul>{whole}'
    )


def _licence(licence: str) -> str:
    link = LICENCE_LINKS.get(licence)
    return f'<a href="{link}">{escape(licence)}</a>' if link else escape(licence)
