"""Crops, sizes, flips and masks of images, with the point-pixel pairs that they keep.

``PatchMask`` only marks which parts a model has to rebuild.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from mmengine.registry import TRANSFORMS
from PIL import Image

from mrd_plugin.utils.errors import ConfigError

_TRIES = 10
_MAPS = ('superpixels', 'image_masks')


class Window(NamedTuple):
    """A part of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int


@TRANSFORMS.register_module()
class ResizedCrop:
    """Cut a random part out of each image and resize it (Sautier et al. 2022, arXiv 2203.16258).

    A crop counts if it keeps more than ``min_pairs`` pairs of its image, or more than
    ``min_share`` of them. After ten that do not, the one of them that keeps most is taken, or, if
    that is more, the largest possible around a random pair: so an image that has pairs never loses
    all.

    Args:
        size: Rows and columns afterwards. Defaults to (224, 416).
        scale: Range of the crop's area as a part of the image's, where the image holds such a
            crop. Defaults to (0.3, 1.0).
        ratio: Range of width by height; its logarithm is uniform. Defaults to (14 / 9, 17 / 9).
        min_pairs: Defaults to 1024.
        min_share: Defaults to 0.75.
    """

    def __init__(
        self,
        size: Sequence[int] = (224, 416),
        scale: Sequence[float] = (0.3, 1.0),
        ratio: Sequence[float] = (14 / 9, 17 / 9),
        min_pairs: int = 1024,
        min_share: float = 0.75,
    ) -> None:
        for name, (low, high), most in (('scale', scale, 1.0), ('ratio', ratio, np.inf)):
            if not 0 < low <= high <= most:
                raise ConfigError(
                    f'ResizedCrop {name}={(low, high)}: expected 0 < low <= high <= {most:g}.'
                )
        self.size = tuple(size)
        self.scale = (float(scale[0]), float(scale[1]))
        self.log_ratio = (float(np.log(ratio[0])), float(np.log(ratio[1])))
        self.min_pairs, self.min_share = min_pairs, min_share

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop ``images``, ``pair_pixels`` and the maps."""
        windows = []
        for view, image in enumerate(results['images']):
            pixels = results['pair_pixels'][results['pair_pixels'][:, 0] == view, 1:]
            windows.append(self._choose(image.shape[:2], pixels))
        return resize(results, windows, self.size)

    def _choose(self, size: tuple[int, int], pixels: np.ndarray) -> Window:
        enough = min(self.min_pairs, self.min_share * len(pixels))
        best, most = None, -1
        for _ in range(_TRIES):
            window = self._window(size, np.random.uniform(*self.scale))
            kept = int(_inside(pixels, window).sum())
            if kept > enough or not len(pixels):
                return window
            if kept > most:
                best, most = window, kept
        around = self._window(size, 1.0, pixels[np.random.randint(len(pixels))])
        return around if best is None or _inside(pixels, around).sum() > most else best

    def _window(
        self, size: tuple[int, int], scale: float, centre: np.ndarray | None = None
    ) -> Window:
        """Return a window of ``scale`` times the image's area, at random or around a pixel."""
        ratio = np.exp(np.random.uniform(*self.log_ratio))
        area = scale * size[0] * size[1]
        width = min(np.sqrt(area * ratio), size[1], size[0] * ratio)
        height, width = max(1, int(width / ratio)), max(1, int(width))
        room = np.array([size[0] - height, size[1] - width])
        if centre is None:
            corner = np.random.randint(room + 1)
        else:
            corner = np.clip(centre - np.array([height, width]) // 2, 0, room)
        return Window(int(corner[0]), int(corner[1]), height, width)


@TRANSFORMS.register_module()
class ImageResize:
    """Resize the whole images, for evaluation and for methods that do not crop.

    Args:
        size: Rows and columns afterwards. Defaults to (224, 416).
    """

    def __init__(self, size: Sequence[int] = (224, 416)) -> None:
        self.size = tuple(size)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize ``images``, ``pair_pixels`` and the maps."""
        return resize(results, [Window(0, 0, *p.shape[:2]) for p in results['images']], self.size)


@TRANSFORMS.register_module()
class ImageFlip:
    """Mirror each image left to right with probability ``prob``.

    Args:
        prob: Defaults to 0.5.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mirror ``images``, ``pair_pixels`` and the maps."""
        flipped = np.random.random(len(results['images'])) < self.prob
        for key in ('images', *_MAPS):
            if key in results:
                turned = [one[:, ::-1] if f else one for f, one in zip(flipped, results[key])]
                results[key] = _stacked(turned)
        views, rows, columns = results['pair_pixels'].T
        widths = np.array([image.shape[1] for image in results['images']])
        columns = np.where(flipped[views], widths[views] - 1 - columns, columns)
        results['pair_pixels'] = np.stack([views, rows, columns], axis=1)
        return results


def resize(
    results: dict[str, Any], windows: Sequence[Window], size: tuple[int, ...]
) -> dict[str, Any]:
    """Cut a window out of each image and bring it to one size.

    Colours are interpolated over the pixels that they cover, maps take the nearest pixel. A pair
    moves to the pixel that covers the centre of its old one; pairs outside the windows go.

    Args:
        results: A sample on its way.
        windows: One for each image.
        size: Rows and columns afterwards.
    """
    height, width = size
    results['images'] = np.stack(
        [_resized(image, w, size) for image, w in zip(results['images'], windows)]
    )
    for key in _MAPS:
        if key in results:
            results[key] = np.stack(
                [_nearest(one, w, size) for one, w in zip(results[key], windows)]
            )
    table = np.array(windows)[results['pair_pixels'][:, 0]].reshape(-1, 4)
    places = (results['pair_pixels'][:, 1:] + 0.5 - table[:, :2]) / table[:, 2:]
    kept = ((places > 0) & (places < 1)).all(axis=1)
    pixels = np.floor(places[kept] * (height, width)).astype(np.int64)
    views = results['pair_pixels'][kept, :1]
    results['pair_pixels'] = np.concatenate([views, pixels], axis=1)
    results['pair_points'] = results['pair_points'][kept]
    return results


def _inside(pixels: np.ndarray, window: Window) -> np.ndarray:
    """Which of the (row, column) ``(M, 2)`` lie in a window, ``(M,)`` bool."""
    shifted = pixels - (window.top, window.left)
    return ((shifted >= 0) & (shifted < (window.height, window.width))).all(axis=1)


def _resized(image: np.ndarray, window: Window, size: tuple[int, ...]) -> np.ndarray:
    box = (window.left, window.top, window.left + window.width, window.top + window.height)
    wanted = (size[1], size[0])
    return np.array(Image.fromarray(image).resize(wanted, Image.Resampling.BILINEAR, box=box))


def _nearest(labels: np.ndarray, window: Window, size: tuple[int, ...]) -> np.ndarray:
    rows = window.top + ((np.arange(size[0]) + 0.5) * window.height / size[0]).astype(int)
    columns = window.left + ((np.arange(size[1]) + 0.5) * window.width / size[1]).astype(int)
    return labels[rows[:, None], columns]


def _stacked(images: list[np.ndarray]) -> Any:
    """One array if the images have one size, else the list."""
    return np.stack(images) if len({one.shape for one in images}) == 1 else images


@TRANSFORMS.register_module()
class PatchMask:
    """Mark patches of the images to be blacked out (masked image modelling of CMCR).

    The images stay whole, for they are what is to be rebuilt; the model blacks them out. Before
    ``ResizedCrop``, as in CMCR, the patches are those of the whole image and grow with the crop.

    Args:
        prob: Probability that an image is masked at all. Defaults to 0.5.
        patch_size: Side of a patch in pixels. Defaults to 16.
        ratio: Probability of each patch of a masked image. Defaults to 0.5.
    """

    def __init__(self, prob: float = 0.5, patch_size: int = 16, ratio: float = 0.5) -> None:
        if patch_size < 1 or not (0 <= prob <= 1 and 0 < ratio < 1):
            raise ConfigError(
                f'PatchMask prob={prob}, patch_size={patch_size}, ratio={ratio}: expected a '
                'probability, a number of pixels and a part in (0, 1).'
            )
        self.prob, self.patch_size, self.ratio = prob, patch_size, ratio

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``image_masks``, bool maps in the size of the images."""
        results['image_masks'] = [self._mask(image.shape[:2]) for image in results['images']]
        return results

    def _mask(self, size: tuple[int, int]) -> np.ndarray:
        if np.random.random() >= self.prob:
            return np.zeros(size, dtype=bool)
        side = self.patch_size
        patches = np.random.random([-(-length // side) for length in size]) < self.ratio
        return patches.repeat(side, axis=0).repeat(side, axis=1)[: size[0], : size[1]]
