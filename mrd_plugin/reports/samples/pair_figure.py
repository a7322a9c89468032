"""One sweep with its images as a figure, to check projection, superpixels, masks and queries."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mrd_plugin.structures import PairDataSample

COLUMNS = 3
QUERY_KINDS = ('behind, occupied', 'in front, free', 'far in front, free')
_QUERY_COLOURS = ('#d6322c', '#2166ac', '#9aa5b1')
_UNSEEN = 0.75  # grey of points without a pixel


class DrawnPair(NamedTuple):
    """A packed sample as arrays.

    Attributes:
        points: ``(N, 4)``, x, y, z and intensity.
        images: ``(V, H, W, 3)`` uint8.
        sample: Pairs, maps and queries.
    """

    points: np.ndarray
    images: np.ndarray
    sample: PairDataSample

    def field(self, key: str) -> np.ndarray | None:
        """Return a field of the sample as an array, or None."""
        return self.sample.get(key).numpy() if key in self.sample else None

    def colours(self) -> np.ndarray:
        """Colour of the pixel that sees each point, grey without one, ``(N, 3)`` in [0, 1]."""
        rgb = np.full((len(self.points), 3), _UNSEEN)
        view, row, column = self.sample.pair_pixels.numpy().T
        rgb[self.sample.pair_points.numpy()] = self.images[view, row, column] / 255
        return rgb


def drawn_pair(data: dict[str, Any]) -> DrawnPair:
    """Take what a pipeline that ends with ``PackPairs`` gives apart."""
    images = data['inputs']['images'].permute(0, 2, 3, 1).numpy()
    return DrawnPair(data['inputs']['points'].numpy(), images, data['data_samples'])


def caption(drawn: DrawnPair) -> list[str]:
    """Lines that count points, pairs by view, superpixels, masked patches and queries."""
    sample = drawn.sample
    counts = np.bincount(sample.pair_pixels[:, 0], minlength=len(drawn.images))
    distance = np.linalg.norm(drawn.points[:, :3], axis=1)
    low, high = drawn.points[:, 3].min(), drawn.points[:, 3].max()
    lines = [
        str(sample.sample_id),
        f'{len(drawn.points)} points, {distance.min():.1f} to {distance.max():.1f} m from the '
        'sensor',
        f'intensity {low:.2f} to {high:.2f}',
        f'{counts.sum()} pairs: '
        + ', '.join(f'{name} {count}' for name, count in zip(sample.view_names, counts)),
    ]
    superpixels, masks, kinds = map(drawn.field, ('superpixels', 'image_masks', 'query_kind'))
    if superpixels is not None:
        numbers = [len(np.unique(one[one >= 0])) for one in superpixels]
        lines.append(f'superpixels per view: {", ".join(map(str, numbers))}')
    if masks is not None:
        lines.append('masked: ' + ', '.join(f'{one.mean():.0%}' for one in masks))
    if kinds is not None:
        lines.append(f'queries: {np.bincount(kinds, minlength=3).tolist()} (behind, in front, far)')
    return lines


def save_pair_png(path: str | Path, drawn: DrawnPair) -> None:
    """Draw the sweep from above and, in each view, its points by distance, superpixels and masks.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    layers = ['projection', *(key for key in ('superpixels', 'image_masks') if key in drawn.sample)]
    columns = min(COLUMNS, len(drawn.images))
    rows = -(-len(drawn.images) // columns)
    height, width = drawn.images.shape[1:3]
    wide = 12 / columns if columns > 1 else 8.0
    tall = wide * height / width + 0.25
    size = (4.6 + wide * columns, max(6.2, tall * rows * len(layers) + 0.1))
    figure = Figure(figsize=size, dpi=110, layout='constrained')
    FigureCanvasAgg(figure)
    parts: Any = figure.subfigures(1, 2, width_ratios=[4.6, wide * columns])
    aside, views = parts
    _draw_from_above(aside, drawn)
    grid = views.subplots(rows * len(layers), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    limits = _distance_limits(drawn)
    for place, layer in enumerate(layers):
        for view in range(len(drawn.images)):
            axes = grid[place * rows + view // columns, view % columns]
            _DRAW[layer](axes, drawn, view, limits)
    figure.savefig(path)


def _distance_limits(drawn: DrawnPair) -> tuple[float, float]:
    """Nearest and farthest distance that the colours tell apart, in metres."""
    seen = np.linalg.norm(drawn.points[drawn.sample.pair_points.numpy(), :3], axis=1)
    low, high = np.percentile(seen, [2, 98]) if len(seen) else (1.0, 50.0)
    return max(float(low), 0.1), max(float(high), 0.2)


def _draw_projection(axes: Any, drawn: DrawnPair, view: int, limits: tuple[float, float]) -> None:
    from matplotlib.colors import LogNorm

    sample = drawn.sample
    mine = (sample.pair_pixels[:, 0] == view).numpy()
    distance = np.linalg.norm(drawn.points[sample.pair_points.numpy()[mine], :3], axis=1)
    rows, columns = sample.pair_pixels.numpy()[mine, 1:].T
    axes.imshow(drawn.images[view])
    order = np.argsort(-distance)
    box = axes.get_window_extent()
    points_each = box.width * box.height / max(int(mine.sum()), 1) * (72 / axes.figure.dpi) ** 2
    axes.scatter(
        columns[order],
        rows[order],
        c=distance[order],
        s=float(np.clip(0.15 * points_each, 0.5, 6)),
        cmap='turbo_r',
        norm=LogNorm(*limits),
        linewidths=0,
    )
    axes.set_title(f'{sample.view_names[view]}: {mine.sum()} pairs', fontsize=8, pad=2)


def _draw_superpixels(axes: Any, drawn: DrawnPair, view: int, limits: tuple[float, float]) -> None:
    labels = drawn.sample.superpixels[view].numpy()
    image = drawn.images[view].copy()
    edge = np.zeros(labels.shape, dtype=bool)
    edge[:-1] |= labels[:-1] != labels[1:]
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    if image.shape[1] > 800:  # a line of one pixel would not be seen
        edge[1:] |= edge[:-1]
        edge[:, 1:] |= edge[:, :-1]
    image[edge] = (255, 230, 0)
    image[labels < 0] //= 3
    axes.imshow(image)
    axes.set_title(f'{len(np.unique(labels[labels >= 0]))} superpixels', fontsize=8, pad=2)


def _draw_masks(axes: Any, drawn: DrawnPair, view: int, limits: tuple[float, float]) -> None:
    mask = drawn.sample.image_masks[view].numpy()
    axes.imshow(np.where(mask[..., None], 0, drawn.images[view]))
    axes.set_title(f'{mask.mean():.0%} masked', fontsize=8, pad=2)


_DRAW = dict(projection=_draw_projection, superpixels=_draw_superpixels, image_masks=_draw_masks)


def _draw_from_above(figure: Any, drawn: DrawnPair) -> None:
    """Draw the sweep in the colours of its pixels, and the queries by kind."""
    kinds = drawn.field('query_kind')
    panels = figure.subplots(3 if kinds is not None else 2, 1, squeeze=False)[:, 0]
    xyz = drawn.points[:, :3]
    reach = float(np.percentile(np.abs(xyz[:, :2]), 99))
    order = np.argsort(xyz[:, 2])
    panels[0].scatter(*xyz[order, :2].T, c=drawn.colours()[order], s=0.6, linewidths=0)
    panels[0].set_title('from above, in the colours of the pixels (grey: unseen)', fontsize=8)
    if kinds is not None:
        queries = drawn.sample.query_xyz.numpy()
        for kind in (2, 1, 0):
            mine = queries[kinds == kind]
            panels[1].scatter(
                *mine[:, :2].T, c=_QUERY_COLOURS[kind], s=2.0, linewidths=0, label=QUERY_KINDS[kind]
            )
        panels[1].legend(fontsize=6, markerscale=5, loc='upper right')
        panels[1].set_title('occupancy queries from above', fontsize=8)
    for axes in panels[:-1]:
        axes.plot(0, 0, '+', c='black', ms=6)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect='equal')
        axes.set_xlabel('x (m)', fontsize=7)
        axes.set_ylabel('y (m)', fontsize=7)
        axes.tick_params(labelsize=6)
    panels[-1].set_axis_off()
    text = '\n'.join(line for one in caption(drawn) for line in _wrapped(one))
    panels[-1].text(0, 1, text, va='top', fontsize=7.5, family='monospace')


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, 52, subsequent_indent='  ') or ['']
