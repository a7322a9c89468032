"""One self-contained HTML file: style, scripts, images and points inside, nothing loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

_ASSETS = Path(__file__).parent / 'assets'


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        title: Heading.
        intro: Sentences under it, HTML.
        body: HTML.
    """

    title: str
    intro: str
    body: str


@dataclass(frozen=True)
class Tile:
    """A number at the head of the page.

    Attributes:
        value: The number as text.
        title: What it is.
        note: What to compare it with.
    """

    value: str
    title: str
    note: str


def html_page(
    title: str,
    subtitle: str,
    tiles: Sequence[Tile],
    sections: Sequence[Section],
    clouds: Mapping[str, Any],
    matches: Mapping[str, Any] | None = None,
) -> str:
    """Put a page together, the whole file.

    Args:
        title: Heading, plain text.
        subtitle: Under the heading, HTML.
        tiles: Numbers at its head.
        sections: What follows.
        clouds: Packed clouds by sample id; see ``pack_cloud``.
        matches: Packed matches by name; see ``pack_match``.
    """
    head = ''.join(
        f'<li><span>{escape(tile.title)}</span><b>{escape(tile.value)}</b>'
        f'<small>{escape(tile.note)}</small></li>'
        for tile in tiles
    )
    parts = ''.join(
        f'<section><h2>{escape(section.title)}</h2><p class="soft">{section.intro}</p>'
        f'{section.body}</section>'
        for section in sections
    )
    extra = ''
    if matches:
        extra = f'{_data("matches", matches)}<script>{_asset("match.js")}</script>'
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f'<title>{escape(title)}</title><style>{_asset("page.css")}</style></head><body>'
        f'<header><h1>{escape(title)}</h1><p class="soft">{subtitle}</p>'
        f'<ul class="tiles">{head}</ul></header><main>{parts}</main>'
        f'{_data("clouds", clouds)}<script>{_asset("cloud.js")}</script>'
        f'<script>{_asset("chart.js")}</script>{extra}</body></html>\n'
    )


def _data(name: str, content: Mapping[str, Any]) -> str:
    text = json.dumps(content, separators=(',', ':')).replace('<', '\\u003c')
    return f'<script type="application/json" id="{name}">{text}</script>'


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding='utf-8')
