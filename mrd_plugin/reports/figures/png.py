"""Arrays as text for a page: base64, and PNG data URLs."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

_TINT = (37, 99, 201)


def tint_png(values: np.ndarray) -> str:
    """One hue whose opacity is the value, so that it reads on a light and on a dark page.

    Args:
        values: ``(H, W)`` in [0, 1], clipped.

    Returns:
        A ``data:image/png`` URL.
    """
    pixels = np.empty((*values.shape, 4), dtype=np.uint8)
    pixels[..., :3] = _TINT
    pixels[..., 3] = np.round(np.clip(values, 0, 1) * 255)
    return _data_url(Image.fromarray(pixels, 'RGBA'))


def array_png(pixels: np.ndarray) -> str:
    """Pixels ``(H, W, 3)`` uint8 as a ``data:image/png`` URL."""
    return _data_url(Image.fromarray(np.ascontiguousarray(pixels)))


def image_png(path: str, side: int = 128) -> str:
    """Return an image file, at most ``side`` pixels wide and high, as a ``data:image/png`` URL."""
    with Image.open(path) as image:
        small = image.convert('RGBA')
    small.thumbnail((side, side))
    return _data_url(small)


def base64_text(values: np.ndarray) -> str:
    """Return the bytes of an array in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode('ascii')


def _data_url(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, 'PNG', optimize=True)
    return 'data:image/png;base64,' + base64.b64encode(stream.getvalue()).decode('ascii')
