"""One sample of a data set as a figure and as a file for 3D viewers."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trimesh

from mrd_plugin.structures import ShapeDataSample

VIEWS = ((-35.0, 25.0), (145.0, 25.0))
"""Yaw and pitch, in degrees, of the two views of a sample."""


class DrawnSample(NamedTuple):
    """What of a sample can be shown.

    Attributes:
        xyz: Points ``(N, 3)``.
        rgb: Colours ``(N, 3)`` in [0, 1].
        up_axis: ``'x'``, ``'y'`` or ``'z'``.
        sample: Name, texts, image.
        caption: Lines to print beside it.
    """

    xyz: np.ndarray
    rgb: np.ndarray
    up_axis: str
    sample: ShapeDataSample
    caption: list[str]


def drawn_sample(
    data: dict, up_axis: str, columns: dict[str, slice], classes: tuple[str, ...] = ()
) -> DrawnSample:
    """Take a packed sample apart.

    Args:
        data: What a pipeline gives, ``inputs (N, C)`` and ``data_samples``.
        up_axis: Up axis of the inputs.
        columns: Which columns of the inputs are ``'xyz'`` and ``'rgb'``.
        classes: Class names, to print the label's.
    """
    inputs, sample = data['inputs'].numpy(), data['data_samples']
    xyz = inputs[:, columns['xyz']]
    rgb = inputs[:, columns['rgb']] if 'rgb' in columns else np.full_like(xyz, 0.4)
    label = int(sample.label)
    known = classes[label] if 0 <= label < len(classes) else 'none of the classes'
    caption = [
        f'id: {sample.sample_id}',
        f'name: {sample.name}',
        f'text: {sample.text if sample.text is not None else "(none)"}',
        f'category: {sample.category}, label {label} ({known})',
        f'{len(xyz)} points, up axis {up_axis}, largest norm '
        f'{np.linalg.norm(xyz, axis=1).max():.3f}, mean colour '
        + ' '.join(f'{value:.2f}' for value in rgb.mean(axis=0)),
    ]
    return DrawnSample(xyz, np.clip(rgb, 0, 1), up_axis, sample, caption)


def project_orthographic(
    xyz: np.ndarray, up_axis: str, yaw: float, pitch: float
) -> tuple[np.ndarray, np.ndarray]:
    """Look at points from a direction, without perspective.

    Args:
        xyz: Points ``(N, 3)``.
        up_axis: Axis that points up in the figure.
        yaw: Turn about the up axis, degrees.
        pitch: Height of the eye, degrees.

    Returns:
        Figure coordinates ``(N, 2)`` and depth ``(N,)``, larger = nearer.
    """
    first, second = {'x': (1, 2), 'y': (2, 0), 'z': (0, 1)}[up_axis]
    up = xyz[:, 'xyz'.index(up_axis)]
    cos, sin = np.cos(np.deg2rad(yaw)), np.sin(np.deg2rad(yaw))
    right = cos * xyz[:, first] - sin * xyz[:, second]
    away = sin * xyz[:, first] + cos * xyz[:, second]
    cos, sin = np.cos(np.deg2rad(pitch)), np.sin(np.deg2rad(pitch))
    return np.stack([right, cos * up + sin * away], axis=1), sin * up - cos * away


def save_png(path: str | Path, drawn: DrawnSample) -> None:
    """Draw a sample from two sides, beside its image and its texts.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(12, 4.6), dpi=100)
    FigureCanvasAgg(figure)
    middle = (drawn.xyz.max(axis=0) + drawn.xyz.min(axis=0)) / 2
    reach = max(float(np.linalg.norm(drawn.xyz - middle, axis=1).max()), 1e-6)
    for i, (yaw, pitch) in enumerate(VIEWS):
        axes = figure.add_axes((0.01 + 0.33 * i, 0.2, 0.32, 0.78))
        flat, depth = project_orthographic(drawn.xyz - middle, drawn.up_axis, yaw, pitch)
        order = np.argsort(depth)
        size = 45000 / max(len(flat), 1000)
        axes.scatter(flat[order, 0], flat[order, 1], c=drawn.rgb[order], s=size, linewidths=0)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect='equal', xticks=[], yticks=[])
        axes.set_facecolor('#eeeeee')
    axes = figure.add_axes((0.69, 0.2, 0.3, 0.78))
    axes.set(xticks=[], yticks=[])
    image_path = drawn.sample.image_path
    if image_path is not None and Path(image_path).is_file():
        with Image.open(image_path) as image:
            axes.imshow(np.asarray(image.convert('RGB')))
    else:
        axes.text(0.5, 0.5, 'no image', ha='center', va='center')
    lines = [line for text in drawn.caption for line in textwrap.wrap(text, 150) or ['']]
    figure.text(0.01, 0.18, '\n'.join(lines[:8]), va='top', fontsize=8.5, family='monospace')
    figure.savefig(path)


def save_ply(path: str | Path, xyz: np.ndarray, rgb: np.ndarray) -> None:
    """Write points as a binary PLY file.

    Args:
        path: The file.
        xyz: Points ``(N, 3)``.
        rgb: Colours ``(N, 3)`` in [0, 1].
    """
    cloud = trimesh.PointCloud(xyz, np.round(rgb * 255).astype(np.uint8))
    Path(path).write_bytes(cloud.export(file_type='ply'))
