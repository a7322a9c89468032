"""Features and regressions of the reference rows, which need no 3D network.

- 186 hand-crafted shape descriptors of a coloured point cloud;
- ImageNet logits of images, kept beside the data;
- ridge regression with all its penalties at the price of one.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from mrd_plugin.models.teachers import ConSETeacher
from mrd_plugin.utils.atomic import write_atomically
from mrd_plugin.utils.errors import BadSampleError

NUM_DESCRIPTORS = 186


def shape_descriptors(points: np.ndarray, up: int = 2, no_colour: float = 0.4) -> np.ndarray:
    """Describe a point cloud by histograms of shape and colour.

    The cloud is centred on its mean and divided by its largest norm. Shape, 118 numbers: histograms
    of each coordinate, of the distance from the centre and from the upright axis (16 bins each), of
    the distances of random pairs (32 bins, the D2 of Osada et al., Shape Distributions, 2002), the
    extents and the roots of the covariance's eigenvalues. Colour, 68 numbers: histograms of red,
    green, blue and of hue weighted by chroma (8 bins each), mean and deviation, and over the height
    the mean colour (8 slices) and the share of points (6 slices). Further columns (the shape's real
    size, say) add their mean, so that a student that sees them has no advantage.

    Args:
        points: ``(N, 3)`` xyz, or ``(N, C)`` xyz, rgb in [0, 1] and whatever follows.
        up: Which coordinate points up. Defaults to 2.
        no_colour: Colour of a cloud without any. Defaults to 0.4.

    Returns:
        ``(186,)`` float64, longer by the number of further columns.
    """
    xyz = points[:, :3].astype(np.float64)
    rgb = np.full_like(xyz, no_colour)
    if points.shape[1] >= 6:
        rgb = points[:, 3:6].astype(np.float64)
    xyz = xyz - xyz.mean(axis=0)
    radius = np.linalg.norm(xyz, axis=1)
    largest = max(float(radius.max()), 1e-9)
    xyz, radius = xyz / largest, radius / largest
    further = points[:, 6:].mean(axis=0)
    return np.concatenate([_shape(xyz, radius, up), _colour(xyz[:, up], rgb), further])


def _shape(xyz: np.ndarray, radius: np.ndarray, up: int) -> np.ndarray:
    flat = np.delete(xyz, up, axis=1)
    order = np.random.default_rng(0).permutation(len(xyz))
    pairs = np.linalg.norm(xyz - xyz[order], axis=1)
    spread = np.linalg.eigvalsh(xyz.T @ xyz / len(xyz))
    return np.concatenate(
        [
            *(_histogram(xyz[:, axis], 16, -1, 1) for axis in range(3)),
            _histogram(radius, 16, 0, 1),
            _histogram(np.linalg.norm(flat, axis=1), 16, 0, 1),
            _histogram(pairs, 32, 0, 2),
            np.ptp(xyz, axis=0),
            np.sqrt(np.clip(spread, 0, None)),
        ]
    )


def _colour(height: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    share = (height - height.min()) / max(float(np.ptp(height)), 1e-9)
    slices = np.minimum((share * 8).astype(int), 7)
    counts = np.bincount(slices, minlength=8)
    sums = [np.bincount(slices, rgb[:, channel], 8) for channel in range(3)]
    means = np.where(counts > 0, sums / np.maximum(counts, 1), rgb.mean(axis=0)[:, None])
    hue, chroma = _hue(rgb)
    return np.concatenate(
        [
            *(_histogram(rgb[:, channel], 8, 0, 1) for channel in range(3)),
            _histogram(hue, 8, 0, 1, chroma),
            rgb.mean(axis=0),
            rgb.std(axis=0),
            means.ravel(),
            _histogram(share, 6, 0, 1),
        ]
    )


def _hue(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hue in [0, 1) and chroma in [0, 1] of colours ``(N, 3)``."""
    chroma = np.ptp(rgb, axis=1)
    safe = np.maximum(chroma, 1e-9)
    red, green, blue = rgb.T
    hue = np.select(
        [rgb.argmax(axis=1) == 0, rgb.argmax(axis=1) == 1],
        [(green - blue) / safe % 6, (blue - red) / safe + 2],
        (red - green) / safe + 4,
    )
    return np.where(chroma > 0, hue, 0) / 6, chroma


def _histogram(
    values: np.ndarray, bins: int, low: float, high: float, weights: np.ndarray | None = None
) -> np.ndarray:
    """Shares of ``values`` (clipped into the range) in equal bins."""
    place = ((values - low) * (bins / (high - low))).astype(np.int64).clip(0, bins - 1)
    return np.bincount(place, weights, bins) / len(values)


def icon_logits(paths: Sequence[str], cache: str | Path, batch_size: int = 32) -> np.ndarray:
    """Logits of the ConSE teacher's image tower over the 1000 ImageNet classes.

    Args:
        paths: ``n`` images.
        cache: ``.npz`` file; read if it holds all these images (by name and size in bytes),
            otherwise written anew.
        batch_size: Images at a time. Defaults to 32.

    Returns:
        ``(n, 1000)`` float32.

    Raises:
        ConfigError: The image tower's packages are missing.
        BadSampleError: An image is missing or broken.
    """
    cache = Path(cache)
    keys = [(Path(path).name, _size(path)) for path in paths]
    if cache.is_file():
        with np.load(cache) as held:
            place = {key: row for row, key in enumerate(zip(held['names'], held['sizes']))}
            if all(key in place for key in keys):
                return held['logits'][[place[key] for key in keys]].astype(np.float32)
    print_log(f'Image tower over {len(paths)} images, once; kept in {cache}.', 'current')
    teacher = ConSETeacher(batch_size=batch_size)
    chunks = [paths[start : start + batch_size] for start in range(0, len(paths), batch_size)]
    with torch.no_grad():
        parts = [teacher.image_logits(chunk) for chunk in tqdm(chunks, 'image', disable=None)]
    logits = torch.cat(parts).cpu().numpy().astype(np.float16)
    content = io.BytesIO()
    np.savez(
        content, names=[name for name, _ in keys], sizes=[size for _, size in keys], logits=logits
    )
    write_atomically(cache, content.getvalue())
    return logits.astype(np.float32)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        raise BadSampleError(f'image {path} is missing; prepare the data again') from None


def fit_ridge(features: np.ndarray, targets: np.ndarray, strength: float) -> Pipeline:
    """Fit a ridge regression on standardised features.

    With ``n`` rows the penalty is ``strength * trace(X X^T) / n`` of the standardised features
    ``X``, so that a strength of 1 means as much in any number of columns.

    Args:
        features: ``(n, p)``.
        targets: ``(n, d)``.
        strength: Penalty, > 0, in the unit above.

    Returns:
        Fitted, with ``predict``.
    """
    scaler = StandardScaler()
    rows = scaler.fit_transform(features.astype(np.float64))
    ridge = Ridge(alpha=strength * np.square(rows).sum() / len(rows)).fit(rows, targets)
    return make_pipeline(scaler, ridge)
