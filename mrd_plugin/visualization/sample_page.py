"""Samples of a data set on one page that opens without a server."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path

from mrd_plugin.visualization.point_cloud import pack_cloud
from mrd_plugin.visualization.sample_files import DrawnSample

_VIEWER = Path(__file__).parent / 'assets' / 'cloud.js'
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1100px; padding: 0 1em; }
article { display: grid; grid-template-columns: 300px 180px 1fr; gap: 1em; margin: 1.5em 0; }
canvas { width: 300px; height: 300px; background: #eee; cursor: grab; touch-action: none; }
img { width: 180px; }
p { margin: 0 0 .3em; overflow-wrap: anywhere; }
"""


def save_page(path: str | Path, samples: Sequence[DrawnSample], title: str) -> None:
    """Write one HTML file with rotatable clouds, pictures and texts.

    Args:
        path: File to write.
        samples: What to show.
        title: Heading.
    """
    clouds = {
        str(i): pack_cloud(one.xyz, one.rgb, one.up_axis, num_points=len(one.xyz))
        for i, one in enumerate(samples)
    }
    articles = '\n'.join(_article(i, one) for i, one in enumerate(samples))
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>{_STYLE}</style></head><body>
<h1>{html.escape(title)}</h1>
<p>Points as the network gets them. Drag to turn, double click to turn back.</p>
{articles}
<script type="application/json" id="clouds">{json.dumps(clouds)}</script>
<script>{_VIEWER.read_text(encoding='utf-8')}</script>
</body></html>
"""
    Path(path).write_text(page, encoding='utf-8')


def _article(index: int, one: DrawnSample) -> str:
    lines = ''.join(f'<p>{html.escape(line)}</p>' for line in one.caption)
    image = '<p>no picture</p>'
    path = one.sample.image_path
    if path is not None and Path(path).is_file():
        kind = 'jpeg' if Path(path).suffix.lower() in ('.jpg', '.jpeg') else 'png'
        content = base64.b64encode(Path(path).read_bytes()).decode('ascii')
        image = f'<img alt="" src="data:image/{kind};base64,{content}">'
    return (
        f'<article><canvas data-cloud="{index}" tabindex="0"></canvas>'
        f'<div>{image}</div><div>{lines}</div></article>'
    )
