"""Writers of drawn samples: PNG and PLY files, and one page of shapes that needs no server."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from mrd_plugin.datasets import PairDataset
from mrd_plugin.reports.figures.point_cloud import pack_cloud
from mrd_plugin.reports.samples.pair_figure import drawn_pair, save_pair_png
from mrd_plugin.reports.samples.sample_files import DrawnSample, drawn_sample, save_ply, save_png
from mrd_plugin.utils.errors import ConfigError

_VIEWER = Path(__file__).parents[1] / 'assets' / 'cloud.js'
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1100px; padding: 0 1em; }
article { display: grid; grid-template-columns: 300px 180px 1fr; gap: 1em; margin: 1.5em 0; }
canvas { width: 300px; height: 300px; background: #eee; cursor: grab; touch-action: none; }
img { width: 180px; }
p { margin: 0 0 .3em; overflow-wrap: anywhere; }
"""


def save_page(path: str | Path, samples: Sequence[DrawnSample], title: str) -> None:
    """Write one HTML file with rotatable clouds, images and texts."""
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
    image = '<p>no image</p>'
    path = one.sample.image_path
    if path is not None and Path(path).is_file():
        kind = 'jpeg' if Path(path).suffix.lower() in ('.jpg', '.jpeg') else 'png'
        content = base64.b64encode(Path(path).read_bytes()).decode('ascii')
        image = f'<img alt="" src="data:image/{kind};base64,{content}">'
    return (
        f'<article><canvas data-cloud="{index}" tabindex="0"></canvas>'
        f'<div>{image}</div><div>{lines}</div></article>'
    )


class ShapeWriter:
    """Writes shapes as PNG and PLY files and, at the end, as one HTML page.

    Args:
        dataset: The data set; its pipeline ends with ``PackShapeInputs``.

    Raises:
        ConfigError: If it does not.
    """

    formats = ('png', 'ply', 'html')

    def __init__(self, dataset: BaseDataset) -> None:
        columns = getattr(dataset.pipeline.transforms[-1], 'columns', None)
        if columns is None:
            raise ConfigError('The pipeline of a data set of shapes must end with PackShapeInputs.')
        self.columns = columns
        self.meta = dataset.metainfo
        self.drawn: list[DrawnSample] = []

    def write(self, base: Path, data: dict[str, Any], formats: Sequence[str]) -> None:
        """Write one sample to files that begin with ``base``."""
        one = drawn_sample(data, self.meta['up_axis'], self.columns, self.meta['classes'])
        self.drawn.append(one)
        if 'png' in formats:
            save_png(base.with_name(f'{base.name}.png'), one)
        if 'ply' in formats:
            save_ply(base.with_name(f'{base.name}.ply'), one.xyz, one.rgb)

    def finish(self, base: Path, title: str, formats: Sequence[str]) -> None:
        """Write what shows all samples."""
        if 'html' in formats:
            save_page(base.with_name(f'{base.name}.html'), self.drawn, title)


class PairWriter:
    """Writes sweeps with their images as PNG files, and as PLY files in the colours of the pixels.

    Args:
        dataset: The data set; its pipeline ends with ``PackPairs``.
    """

    formats = ('png', 'ply')

    def __init__(self, dataset: BaseDataset) -> None:
        if type(dataset.pipeline.transforms[-1]).__name__ != 'PackPairs':
            raise ConfigError('The pipeline of a data set of sweeps must end with PackPairs.')

    def write(self, base: Path, data: dict[str, Any], formats: Sequence[str]) -> None:
        """Write one sample to files that begin with ``base``."""
        one = drawn_pair(data)
        if 'png' in formats:
            save_pair_png(base.with_name(f'{base.name}.png'), one)
        if 'ply' in formats:
            save_ply(base.with_name(f'{base.name}.ply'), one.points[:, :3], one.colours())

    def finish(self, base: Path, title: str, formats: Sequence[str]) -> None:
        """Nothing shows all samples."""


def writer_of(dataset: BaseDataset) -> ShapeWriter | PairWriter:
    """Return the writer for a data set's kind of samples."""
    return PairWriter(dataset) if isinstance(dataset, PairDataset) else ShapeWriter(dataset)
