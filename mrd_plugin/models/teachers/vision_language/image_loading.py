"""Reading of images for teachers."""

from __future__ import annotations

import re

from PIL import Image

from mrd_plugin.utils.errors import BadSampleError

_CROP = re.compile(r'(.+)#xywh=(\d+),(\d+),(\d+),(\d+)')


def load_rgb(path: str) -> Image.Image:
    """Read an image in mode RGB and lay a transparent one on white.

    Args:
        path: A file that Pillow can read, any mode. A part of it is named as in W3C's Media
            Fragments URI 1.0 (section 4.2.2), in pixels: ``room.jpg#xywh=left,top,width,height``.

    Raises:
        BadSampleError: The file is missing or broken.
    """
    part = _CROP.fullmatch(str(path))
    try:
        with Image.open(part[1] if part else path) as image:
            rgba = image.convert('RGBA')
    except FileNotFoundError:
        raise BadSampleError(
            f'image {path} is missing; prepare the data again or correct image_path'
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise BadSampleError(f"image {path} can't be read ({error}); replace it") from error
    if part:
        left, top, width, height = (int(number) for number in part.groups()[1:])
        rgba = rgba.crop((left, top, left + width, top + height))
    white = Image.new('RGBA', rgba.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, rgba).convert('RGB')


def pad_to_square(image: Image.Image) -> Image.Image:
    """Lay an RGB image in the middle of a white square as large as its longer side."""
    width, height = image.size
    if width == height:
        return image
    side = max(width, height)
    square = Image.new('RGB', (side, side), (255, 255, 255))
    square.paste(image, ((side - width) // 2, (side - height) // 2))
    return square
