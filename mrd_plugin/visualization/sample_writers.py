"""What is written of a data set's samples, by the kind of the data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from mrd_plugin.datasets.lidar import PairDataset
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.visualization.pair_figure import drawn_pair, save_pair_png
from mrd_plugin.visualization.sample_files import DrawnSample, drawn_sample, save_ply, save_png
from mrd_plugin.visualization.sample_page import save_page


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
    """Writes sweeps with their pictures as PNG files, and as PLY files in the colours of the pixels.

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
    """The writer for a data set's kind of samples."""
    return PairWriter(dataset) if isinstance(dataset, PairDataset) else ShapeWriter(dataset)
