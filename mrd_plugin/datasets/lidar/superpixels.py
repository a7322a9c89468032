"""Label maps of images: SLIC with a cache on disk, and folders of ready maps (SAM or any other)."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mrd_plugin.datasets.lidar.files import read_image
from mrd_plugin.utils.atomic import write_atomically
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from mrd_plugin.utils.safe_pickle import load_npy


@dataclass(frozen=True)
class SLIC:
    """Superpixels of the image-to-LiDAR methods (Sautier et al. 2022, arXiv 2203.16258).

    Segments are computed once, with scikit-image, and kept as PNG files under a name made of the
    image's content and the parameters: a changed image or parameter never meets an old map.

    Args:
        n_segments: Segments that are asked for; the number that comes out is near it.
        compactness: Weight of nearness in the image against likeness of colour.
        sigma: Width of the smoothing before, in pixels.
        cache_dir: Folder of the label maps.
    """

    n_segments: int = 150
    compactness: float = 6.0
    sigma: float = 3.0
    cache_dir: str = 'data/superpixels'

    def file_of(self, image: str | Path) -> Path:
        """Where the label map of an image is, or will be.

        Raises:
            BadSampleError: If the image is missing.
        """
        settings = f'slic {self.n_segments} {float(self.compactness)} {float(self.sigma)}'
        try:
            content = Path(image).read_bytes()
        except FileNotFoundError:
            raise BadSampleError(f'{image}: there is no such image.') from None
        name = hashlib.sha256(settings.encode() + b'\0' + content).hexdigest()[:32]
        return Path(self.cache_dir) / name[:2] / f'{name}.png'

    def labels(self, image: str | Path) -> np.ndarray:
        """Label map of an image, from the cache or computed.

        Args:
            image: Its file.

        Returns:
            Segments counted from 0, ``(H, W)`` int32.

        Raises:
            BadSampleError: If the image is missing or broken.
            ConfigError: If scikit-image is needed and missing.
        """
        path = self.file_of(image)
        if path.is_file():
            try:
                return read_labels(path)
            except BadSampleError:
                path.unlink(missing_ok=True)  # cut short; it is only a cache
        labels = self._segment(read_image(image))
        write_atomically(path, encode_labels(labels))
        return labels

    def _segment(self, colours: np.ndarray) -> np.ndarray:
        try:
            from skimage.segmentation import slic
        except ModuleNotFoundError as error:
            raise ConfigError(
                f'SLIC superpixels need scikit-image ({error.name} is missing); install it with '
                "`pip install -e '.[mmdet3d]'`."
            ) from error
        found = slic(
            colours,
            n_segments=self.n_segments,
            compactness=self.compactness,
            sigma=self.sigma,
            start_label=0,
        )
        return found.astype(np.int32)


def encode_labels(labels: np.ndarray) -> bytes:
    """Return a label map ``(H, W)`` as PNG: 8 bits if its ids are below 256, else 16.

    Raises:
        ValueError: If an id is negative or above 65,535.
    """
    if labels.min() < 0 or labels.max() > 65535:
        raise ValueError(f'ids from {labels.min()} to {labels.max()} do not fit into a PNG.')
    stream = io.BytesIO()
    kind = np.uint8 if labels.max() < 256 else np.uint16
    Image.fromarray(labels.astype(kind)).save(stream, 'PNG')
    return stream.getvalue()


def read_labels(path: str | Path) -> np.ndarray:
    """Read a label map: a grey or indexed PNG of 8 or 16 bits, or a ``.npy`` of integers.

    Returns:
        ``(H, W)`` int32.

    Raises:
        BadSampleError: If the file is broken or holds something else.
    """
    path = Path(path)
    if path.suffix == '.npy':
        labels = load_npy(path)
    else:
        try:
            with Image.open(path) as image:
                labels = np.array(image)
        except (OSError, SyntaxError, ValueError) as error:
            raise BadSampleError(f"{path}: the label map can't be read ({error}).") from error
    if labels.ndim != 2 or labels.dtype.kind not in 'iub':
        raise BadSampleError(
            f'{path}: expected one integer for each pixel (H, W), got {labels.dtype} '
            f'{labels.shape}.'
        )
    return labels.astype(np.int32)


@dataclass(frozen=True)
class LabelFolder:
    """A folder of ready label maps, of SAM or any other segmentation.

    Args:
        root: The folder.
        name: Name of a map without its ending (.png or .npy): a pattern in which ``{stem}`` is the
            name of the image's file without ending, ``{camera}`` the camera, ``{sample_id}`` the
            sample and ``{token}`` nuScenes' token of the image.
        none: Id that means "no segment"; None if each id is one. Negative ids mean it anyway.
    """

    root: str
    name: str = '{stem}'
    none: int | None = None

    def labels(self, fields: dict[str, str]) -> np.ndarray:
        """Label map of an image, ``(H, W)`` int32, -1 = no segment.

        Args:
            fields: What the pattern may name.

        Raises:
            BadSampleError: If there is no such map, or it is broken.
            ConfigError: If the pattern names what the data set does not have.
        """
        try:
            base = Path(self.root) / self.name.format_map(fields)
        except (KeyError, IndexError, ValueError) as error:
            raise ConfigError(
                f'LoadSuperpixels name={self.name!r} ({error}): it may name {sorted(fields)} in '
                'braces.'
            ) from error
        files = [base.with_name(base.name + ending) for ending in ('.png', '.npy')]
        found = next((path for path in files if path.is_file()), None)
        if found is None:
            raise BadSampleError(
                f'{base}: there is no label map of this name, neither .png nor .npy; correct root '
                'and name of LoadSuperpixels, or make the map.'
            )
        labels = read_labels(found)
        absent = labels < 0 if self.none is None else (labels < 0) | (labels == self.none)
        return np.where(absent, -1, labels).astype(np.int32)
