"""The page of an image-to-LiDAR run, section by section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from mrd_plugin.reports.figures.curves import Series, training_curves
from mrd_plugin.reports.figures.lidar import Match, match_figure, occupancy_png, pack_match
from mrd_plugin.reports.figures.line_chart import Line, line_chart
from mrd_plugin.reports.figures.png import array_png
from mrd_plugin.reports.page import Section, Tile, html_page


@dataclass(frozen=True)
class RebuiltImage:
    """An image as the network saw it, as it rebuilt it, and as it is; each ``(H, W, 3)`` uint8."""

    title: str
    masked: np.ndarray
    rebuilt: np.ndarray
    original: np.ndarray
    psnr: float


@dataclass(frozen=True)
class OccupancyPlan:
    """Estimated occupancy from above, see :func:`occupancy_png`."""

    title: str
    probability: np.ndarray
    cells: np.ndarray


@dataclass(frozen=True)
class LiDARReportData:
    """Everything that a page shows; what a method does not have stays empty.

    Attributes:
        title: Heading.
        subtitle: HTML under it.
        terms: Mean terms on the validation sweeps, by name.
        n_train: Sweeps that were trained on.
        n_val: Sweeps that metrics and figures are made of.
        train_minutes: Time spent in training iterations.
        scalars: What training logged, by name.
        unit: What their positions are, 'epoch' or 'iteration'.
        matches: Images beside their sweeps.
        triplets: Rebuilt images.
        plans: Estimated occupancy.
        usage: How many validation pairs chose each code, by the sensor that chose.
        notice: Licence notice of the data, plain text.
    """

    title: str
    subtitle: str
    terms: Mapping[str, float]
    n_train: int
    n_val: int
    train_minutes: float
    scalars: Mapping[str, Series]
    unit: str
    matches: Sequence[Match]
    triplets: Sequence[RebuiltImage] = ()
    plans: Sequence[OccupancyPlan] = ()
    usage: Mapping[str, np.ndarray] = field(default_factory=dict)
    notice: str = ''


def lidar_report_page(data: LiDARReportData) -> str:
    """Write the page, one self-contained HTML file."""
    named = {f'match{number}': match for number, match in enumerate(data.matches)}
    sections = [
        Section(
            'What resembles what',
            'Click on a pixel to see which points have the most similar features, or on a point to '
            'see which pixels do. Validation frames: the network was not trained on them.',
            ''.join(match_figure(name, match) for name, match in named.items()),
        ),
        *_triplets(data),
        *_plans(data),
        *_usage(data),
        Section(
            'Training',
            'Everything that was logged.',
            f'<div class="charts">{"".join(training_curves(data.scalars, data.unit))}</div>',
        ),
    ]
    if data.notice:
        sections.append(Section('Data', escape(data.notice), ''))
    packed = {name: pack_match(match) for name, match in named.items()}
    return html_page(data.title, data.subtitle, _tiles(data), sections, {}, packed)


def _tiles(data: LiDARReportData) -> list[Tile]:
    terms, tiles = data.terms, []
    if 'match_contrast' in terms:
        chance = 100 * np.exp(-terms['chance_contrast'])
        note = f'pairs whose nearest partner is their own; chance {chance:.2f} %'
        tiles.append(Tile(f'{100 * terms["match_contrast"]:.1f} %', 'Contrastive top-1', note))
    if 'code_agreement' in terms:
        note = (
            f'pairs with one code on both sides; perplexity {terms["perplexity_points"]:.0f} '
            f'(points), {terms["perplexity_pixels"]:.0f} (pixels)'
        )
        tiles.append(Tile(f'{100 * terms["code_agreement"]:.1f} %', 'Code agreement', note))
    if 'occupancy_behind' in terms:
        kinds = [terms[f'occupancy_{kind}'] for kind in ('behind', 'front', 'far')]
        note = (
            'right answers just behind a return (occupied), just in front and far in front (free)'
        )
        tiles.append(Tile(' / '.join(f'{100 * k:.0f}' for k in kinds) + ' %', 'Occupancy', note))
    if 'psnr_masked' in terms:
        tiles.append(Tile(f'{terms["psnr_masked"]:.1f} dB', 'Masked pixels', 'PSNR, rebuilt'))
    note = f'{data.n_train} sweeps, {data.n_val} others for the metrics'
    tiles.append(Tile(f'{data.train_minutes:.1f} min', 'Training', note))
    return tiles


def _triplets(data: LiDARReportData) -> list[Section]:
    figures = [
        f'<figure class="chart"><figcaption><h3>{escape(one.title)}</h3><p>PSNR where masked: '
        f'{one.psnr:.1f} dB</p></figcaption><div class="triplet">'
        + ''.join(
            f'<img src="{array_png(pixels)}" alt="{name}">'
            for name, pixels in (
                ('masked', one.masked),
                ('rebuilt', one.rebuilt),
                ('original', one.original),
            )
        )
        + '</div></figure>'
        for one in data.triplets
    ]
    intro = 'Masked, rebuilt, original.'
    return [Section('Rebuilt images', intro, ''.join(figures))] if figures else []


def _plans(data: LiDARReportData) -> list[Section]:
    figures = [
        f'<figure class="chart plan"><figcaption><h3>{escape(plan.title)}</h3></figcaption>'
        f'<img src="{occupancy_png(plan.probability, plan.cells)}" alt="occupancy from '
        'above"></figure>'
        for plan in data.plans
    ]
    intro = (
        'From above, the sensor at the bottom, in the middle: occupied (orange), free (pale), too '
        'far from any point to say (grey), returns (blue). A cell is as occupied as the fullest '
        'of its heights.'
    )
    body = f'<div class="charts">{"".join(figures)}</div>'
    return [Section('Estimated occupancy', intro, body)] if figures else []


def _usage(data: LiDARReportData) -> list[Section]:
    if not data.usage:
        return []
    order = np.argsort(-np.sum(list(data.usage.values()), axis=0), kind='stable')
    lines = [
        Line(name, list(range(1, len(order) + 1)), (counts[order] / counts.sum()).tolist(), colour)
        for colour, (name, counts) in enumerate(data.usage.items(), 1)
    ]
    used = {name: int((counts > 0).sum()) for name, counts in data.usage.items()}
    intro = (
        'Share of the validation pairs that chose each code, the most chosen first. In use: '
        + (', '.join(f'{count} of {len(order)} by {name}' for name, count in used.items()) + '.')
    )
    chart = line_chart('Codes by rank', 'Both sensors in one order.', lines, 'code')
    return [Section('Codebook', intro, f'<div class="charts">{chart}</div>')]
